#!/usr/bin/env python3
"""Clients of a server that is upgraded: some that ask all the time, some that are new, some that are idle.

    upgrade_load.py CERTIFICATE URL=ANSWER...

On standard input: `idle` asks each idle connection once, `end` ends. Answers are one line, `ok ...` or `failed ...`.
Every connection that the server closes is a failure, and so is every answer that is not the one expected.
"""

import asyncio
import ssl
import sys
from urllib.parse import urlsplit

KEPT, IDLE = 2, 10  # connections for each URL
KEPT_PAUSE, NEW_PAUSE = 0.02, 0.05  # seconds: the rates are bounded
TIMEOUT = 30  # of what would hang


class Failure(Exception):
    pass


class Client:
    """One connection."""

    def __init__(self, target, reader, writer):
        self.target, self.reader, self.writer = target, reader, writer

    @classmethod
    async def connect(cls, target):
        return cls(target, *await asyncio.open_connection(
            target.url.hostname, target.url.port, ssl=target.tls, server_hostname="site.test" if target.tls else None))

    async def ask(self, last=False):
        path = self.target.url.path + (f"?{self.target.url.query}" if self.target.url.query else "")
        self.writer.write(f"GET {path} HTTP/1.1\r\nHost: site.test\r\n{'Connection: close' if last else 'X-Kept: 1'}\r\n\r\n"
                          .encode())
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
        fields = dict(line.split(": ", 1) for line in head[1:] if line)
        body = await self.reader.readexactly(int(fields["content-length"]))
        if not head[0].startswith("http/1.1 200 ") or body.decode() != self.target.answer:
            raise Failure(f"{head[0]} {body[:80]!r}")
        if not last and fields.get("connection") == "close":
            raise Failure("the server wants to close")

    def close(self):
        self.writer.close()


class Target:
    def __init__(self, text, context):
        url, _, answer = text.rpartition("=")
        self.url, self.answer = urlsplit(url), answer
        self.tls = context if self.url.scheme == "https" else None
        self.idle = []


class Load:
    def __init__(self, targets):
        self.targets = targets
        self.answered, self.connections, self.failures, self.ended = 0, 0, [], False

    async def guarded(self, what, target, call):
        try:
            result = await asyncio.wait_for(call, TIMEOUT)
            self.answered += what != "connect"
            self.connections += what == "connect"
            return result
        except (Failure, OSError, EOFError, asyncio.TimeoutError, ssl.SSLError, KeyError, ValueError) as error:
            self.failures.append(f"{what} {target.url.geturl()}: {error!r}")
            return None

    async def connect(self, target):
        return await self.guarded("connect", target, Client.connect(target))

    async def keep_asking(self, target):
        client = await self.connect(target)
        while client and not self.ended:
            failed = len(self.failures)
            await self.guarded("kept", target, client.ask())
            if len(self.failures) > failed:
                client = await self.connect(target)
            await asyncio.sleep(KEPT_PAUSE)

    async def begin_again(self, target):
        while not self.ended:
            client = await self.connect(target)
            if client:
                await self.guarded("new", target, client.ask(last=True))
                client.close()
            await asyncio.sleep(NEW_PAUSE)

    async def ask_idle(self):
        await asyncio.gather(*(self.guarded("idle", target, client.ask())
                               for target in self.targets for client in target.idle))

    def report(self):
        text = f"requests={self.answered} connections={self.connections} failed={len(self.failures)}"
        print(("failed " if self.failures else "ok ") + text + "".join(f"; {line}" for line in self.failures[:5]), flush=True)

    async def run(self):
        for target in self.targets:
            target.idle = [client for client in [await self.connect(target) for _ in range(IDLE)] if client]
        await self.ask_idle()
        clients = [asyncio.create_task(self.keep_asking(target)) for target in self.targets for _ in range(KEPT)]
        clients += [asyncio.create_task(self.begin_again(target)) for target in self.targets]
        self.report()
        while (command := await asyncio.to_thread(sys.stdin.readline)).strip() == "idle":
            await self.ask_idle()
            self.report()
        self.ended = True
        await asyncio.gather(*clients)
        self.report()
        if command.strip() != "end":
            raise SystemExit("upgrade_load: the input ended")


def main():
    context = ssl.create_default_context(cafile=sys.argv[1])
    asyncio.run(Load([Target(text, context) for text in sys.argv[2:]]).run())


if __name__ == "__main__":
    main()
