"""The real server, for tests that watch it with other programs (a browser, Prometheus): starts, asks and stops it.

Owns the process and its private folder. Leaving the `with` stops the server and fails the test if it did not end with
exit code 0, or if it has logged an alert.
"""

import json
import os
import random
import re
import signal
import socket
import subprocess
import tempfile
import threading
import urllib.request
from pathlib import Path

from tests.monitoring.waiting import TIMEOUT, wait_until

_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # never through a proxy


# TIME LEVEL ROLE name=value name="value": message
_LOG_HEAD = re.compile(r'\S+ (\w+) +\w+((?: \w+=(?:"[^"]*"|[^ "]*[^ ":]))+): ')
_LOG_FIELD = re.compile(r'(\w+)=("[^"]*"|\S+)')


def read_log(text):
    """The fields of each line of the server's log, with its level."""
    heads = filter(None, map(_LOG_HEAD.match, text.splitlines()))
    return [{"level": head[1], **{name: value.strip('"') for name, value in _LOG_FIELD.findall(head[2])}}
            for head in heads]


def log_events(text, event):
    """The lines with that event."""
    return [fields for fields in read_log(text) if fields["event"] == event]


def free_port(host="127.0.0.1"):
    """One on which nobody listens now. Another process may take it before the caller does."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return probe.getsockname()[1]


def own_address():
    """A host of loopback that no other test uses, and a port: nobody takes it while the server is away."""
    host = f"127.{random.randrange(1, 255)}.{random.randrange(256)}.{random.randrange(1, 255)}"
    return f"{host}:{free_port(host)}"


def fetch(url, timeout=TIMEOUT):
    with _DIRECT.open(url, timeout=timeout) as answer:
        return answer.read()


class Server:
    """preforkd with a `web` and a `status` listener. `status`: the address of that one. `tls`: another `web`
    listener, with a certificate. `more`: sections of the configuration; the addresses of all other listeners are in
    `more_addresses`."""

    def __init__(self, workers=2, status="127.0.0.2:0", binary="preforkd", tls=False, more=""):
        self.binary = os.path.abspath(binary)
        self.config = (f"workers = {workers}\n"
                       '[[listen]]\naddress = "127.0.0.1:0"\nservice = "web"\n'
                       f'[[listen]]\naddress = "{status}"\nservice = "status"\n'
                       '[service.web]\ntype = "http"\n[service.status]\ntype = "status"\n' + more)
        self.tls = tls
        if tls:
            self.config += ('[[listen]]\naddress = "127.0.0.3:0"\nservice = "web"\ntls = true\n'
                            '[[tls.certificate]]\nchain = "site.pem"\nkey = "site.key"\n')

    def _make_certificate(self, folder):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-days", "90", "-subj", "/CN=site.test", "-keyout", str(folder / "site.key"),
                        "-out", str(folder / "site.pem")], check=True, capture_output=True)

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="server-")
        path = Path(self.folder.name)
        (path / "preforkd.toml").write_text(self.config)
        if self.tls:
            self._make_certificate(path)
        self.log_path = path / "log"
        with self.log_path.open("w") as log:
            self.process = subprocess.Popen([self.binary, "-c", str(path / "preforkd.toml"), "--set",
                                             f"control={path / 'control.sock'}"], stdin=subprocess.DEVNULL, stderr=log,
                                            cwd=path)
        try:
            wait_until(lambda: log_events(self.log(), "serving") or self.process.poll() is not None,
                       lambda: f"the server serves; its log: {self.log()}")
            assert self.process.poll() is None, f"the server has ended; its log: {self.log()}"
            web, status, *self.more_addresses = [line["address"] for line in log_events(self.log(), "listening")]
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
            code = self.process.wait(TIMEOUT)
            if kind is None:
                assert code == 0, f"exit code {code}; the log: {self.log()}"
                levels = {line["level"] for line in read_log(self.log())}
                assert levels and "alert" not in levels, self.log()
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
        """The ready workers, by slot."""
        return {worker["slot"]: worker for worker in self.ask()["workers"] if worker["state"] == "ready"}


class Clients:
    """Threads in the background, until the `with` is left. Each calls `run` with one of `arguments`, which returns when
    `stop` is set."""

    def __init__(self, run, arguments):
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=run, args=(argument,), daemon=True) for argument in arguments]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join(TIMEOUT)


class Load(Clients):
    """Each makes one request per connection, one after the other. Failures are not counted: other tests check those."""

    def __init__(self, url, clients=2):
        super().__init__(self._run, [url] * clients)

    def _run(self, url):
        while not self.stop.is_set():
            try:
                fetch(url, timeout=5)
            except OSError:
                self.stop.wait(0.01)
