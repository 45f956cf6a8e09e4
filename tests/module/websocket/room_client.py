#!/usr/bin/python3
"""A client of the room that shares no code with it: python3-websockets. room_client.py ADDRESS MASTER_PID LOG

Talks, reloads the server in the middle, and closes in each way. Exits with 0 if everything was as RFC 6455 says."""

import asyncio
import os
import signal
import sys
import time

import websockets

LIMIT = 30  # seconds, for each thing that is waited for


async def said(room):
    return await asyncio.wait_for(room.recv(), LIMIT)


async def until(condition, what):
    end = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < end, what
        await asyncio.sleep(0.01)


async def talk(url, pid, log):
    async with websockets.connect(url + "?name=Ada") as ada, websockets.connect(url + "?name=Bob") as bob:
        await ada.send("hello")
        assert await said(ada) == await said(bob) == "Ada #1: hello"
        await bob.send(["in ", "three ", "frames"])
        assert await said(ada) == await said(bob) == "Bob #1: in three frames"
        await ada.send(b"\x00\xff")
        assert await said(ada) == await said(bob) == b"\x00\xff"
        await asyncio.wait_for(await bob.ping(b"there?"), LIMIT)
        await ada.send("ü" * 20000)
        assert await said(bob) == "Ada #3: " + "ü" * 20000
        await said(ada)

        os.kill(pid, signal.SIGHUP)
        await until(lambda: " event=reload_done" in open(log).read(), "the server did not reload")
        await ada.send("after the reload")
        assert await said(ada) == "Ada #4: after the reload"
        await bob.send("me, too")
        # They may be in different rooms now: one for each worker.
        while await said(bob) != "Bob #2: me, too":
            pass


async def closed_with(url, code, send):
    async with websockets.connect(url) as room:
        await room.send(send)
        try:
            while True:
                await said(room)
        except websockets.ConnectionClosed as end:
            assert end.rcvd is not None and end.rcvd.code == code, f"{end} instead of {code}"


async def refused(url, status, **more):
    try:
        await websockets.connect(url, **more)
        assert False, "the handshake was not refused"
    except websockets.InvalidStatusCode as answer:
        assert answer.status_code == status, answer


async def main():
    address, pid, log = sys.argv[1:]
    url = f"ws://{address}/room"
    await talk(url, int(pid), log)
    await closed_with(url, 1000, "bye")
    await closed_with(url, 1009, "x" * 70000)
    await refused(f"ws://{address}/nothing", 404)


asyncio.run(main())
