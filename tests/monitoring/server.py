"""The real program, for tests that look at it with the programs of others: starts it, asks it, ends it.

Owns the process and its private folder. Leaving the `with` stops the server and fails the test if it did not end as
asked, or if it has logged an alert.
"""

import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import threading
import urllib.request
from pathlib import Path

from tests.monitoring.patience import PATIENCE, wait_until

_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # never through a proxy


def free_port():
    """One that nobody listens on now. Whoever takes it must be ready to find it taken."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def fetch(url, timeout=PATIENCE):
    with _DIRECT.open(url, timeout=timeout) as answer:
        return answer.read()


class Server:
    """preforkd with a `web` and a `status` listener. `status_port`: 0, or one that is known to be free."""

    def __init__(self, workers=2, status_port=0, binary="preforkd"):
        self.binary = os.path.abspath(binary)
        self.config = (f"workers = {workers}\n"
                       '[[listen]]\naddress = "127.0.0.1:0"\nservice = "web"\n'
                       f'[[listen]]\naddress = "127.0.0.2:{status_port}"\nservice = "status"\n'
                       '[service.web]\ntype = "http"\n[service.status]\ntype = "status"\n')

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="server-")
        path = Path(self.folder.name)
        (path / "preforkd.toml").write_text(self.config)
        self.log_path = path / "log"
        with self.log_path.open("w") as log:
            self.process = subprocess.Popen([self.binary, "-c", str(path / "preforkd.toml"), "--set",
                                             f"control={path / 'control.sock'}"], stdin=subprocess.DEVNULL, stderr=log)
        try:
            wait_until(lambda: ": serving: " in self.log() or self.process.poll() is not None,
                       lambda: f"the server serves; its log: {self.log()}")
            assert self.process.poll() is None, f"the server has ended; its log: {self.log()}"
            web, status = re.findall(r"listening on (\S+) for", self.log())
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise
        self.web, self.status, self.status_address = f"http://{web}", f"http://{status}", status
        return self

    def __exit__(self, kind, *_):
        try:
            if self.process.poll() is None:
                self.process.send_signal(signal.SIGTERM)
            code = self.process.wait(PATIENCE)
            if kind is None:
                assert code == 0, f"exit code {code}; the log: {self.log()}"
                assert " alert " not in self.log(), self.log()
        finally:
            self.process.kill()
            self.process.wait()
            self.folder.cleanup()

    @property
    def pid(self):
        return self.process.pid

    def log(self):
        return self.log_path.read_text(errors="replace")

    def ask(self):
        """The status document."""
        return json.loads(fetch(self.status + "/status.json"))

    def workers(self):
        """Those that are ready, by slot."""
        return {worker["slot"]: worker for worker in self.ask()["workers"] if worker["state"] == "ready"}


class Load:
    """Clients in the background, each with one request on a connection after the other. Failures are not counted: they
    are another test's business."""

    def __init__(self, url, clients=2):
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self._run, args=(url,), daemon=True) for _ in range(clients)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join(PATIENCE)

    def _run(self, url):
        while not self.stop.is_set():
            try:
                fetch(url, timeout=5)
            except OSError:
                self.stop.wait(0.01)
