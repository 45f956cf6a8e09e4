"""One running server: its files, its start, its end. Owns its folder and all its processes; none outlives it."""

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import process_tree
from client import WrongAnswer, ask
from servers.server import Order, Server

START_SECONDS = 30.0
STOP_SECONDS = 10.0
_POLL = 0.01


class ServerFailed(Exception):
    """It did not start, did not answer, or did not stop."""


def free_port():
    """A port below those that the kernel gives to clients: no client can take it before the server binds."""
    first_of_clients = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    for _ in range(100):
        port = random.randrange(min(10000, first_of_clients - 1000), first_of_clients)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise ServerFailed("no port is free")


class ServerProcess:
    def __init__(self, server: Server, order: Order):
        self.server = server
        self.order = order
        self._launch = server.launch(order)
        self._log = order.folder / "log"
        self._process = None

    def __enter__(self):
        folder = self.order.folder
        folder.mkdir(mode=0o755)
        for name, text in self._launch.files.items():
            (folder / name).write_text(text)
        if self.order.user:
            shutil.chown(folder, self.order.user)
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        try:
            with self._log.open("wb") as log:
                # A new session: an interrupt at the terminal reaches tools/bench only, which then stops the servers.
                self._process = subprocess.Popen(self._launch.arguments, stdin=subprocess.DEVNULL, stdout=log,
                                                 stderr=log, cwd=folder, env=environment, start_new_session=True)
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise ServerFailed(f"cannot be started: {error}") from error
        return self

    def __exit__(self, *_):
        try:
            self._stop()
        finally:
            shutil.rmtree(self.order.folder, ignore_errors=True)

    @property
    def pid(self):
        return self._process.pid

    def await_answer(self, path, body, close=False):
        """The size of the answer to `path`. Waits until the answer is correct."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            problem = self._try(path, body, close)
            if isinstance(problem, int):
                return problem
            if self._process.poll() is not None:
                raise ServerFailed(f"ended with {self._process.returncode}: {self._log_end()}")
            if time.monotonic() > deadline:
                raise ServerFailed(f"{path}: {problem}; {self._log_end()}")
            time.sleep(_POLL)

    def _try(self, path, body, close):
        try:
            answer = ask(self.order.port, path, close, self.order.tls is not None)
        except WrongAnswer as problem:
            return str(problem)
        if answer.status != 200:
            return f"status {answer.status}"
        return answer.size if answer.body == body else f"another body, of {len(answer.body)} bytes"

    def reload(self):
        self._process.send_signal(self._launch.reload)

    def cpu_seconds(self):
        return process_tree.cpu_seconds(self.pid)

    def pss_bytes(self):
        return process_tree.pss_bytes(self.pid)

    def _log_end(self):
        logs = [self._log, self.order.folder / "error.log"]
        text = "".join(log.read_text(errors="replace") for log in logs if log.exists())
        return "its log ends with: " + text.strip()[-400:] if text.strip() else "its log is empty"

    def _tree(self):
        return process_tree.descendants(self.pid) if self._process.poll() is None else []

    def _stop(self):
        """Sends SIGTERM, waits, and kills the remaining processes."""
        # If the server has ended by itself, its remaining processes are found by its session.
        family = [process_tree.identity(pid) for pid in {*process_tree.members_of_session(self.pid), *self._tree()}]
        try:
            self._process.send_signal(self._launch.stop)
            deadline = time.monotonic() + STOP_SECONDS
            # Workers may end after their master. The master is reaped here, so that it does not count as running.
            while (self._process.poll() is None or _alive(family)) and time.monotonic() < deadline:
                time.sleep(_POLL)
        finally:
            for pid in _alive(family):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._process.wait()


def _alive(family):
    return [pid for pid, start in filter(None, family) if process_tree.identity(pid) == (pid, start)]
