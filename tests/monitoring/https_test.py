#!/usr/bin/env python3
"""Pages over TLS in a real browser: none of its loads fails, whatever happens to the server meanwhile."""

import os
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).absolute().parent.parent.parent
sys.path.insert(0, str(ROOT))

from tests.monitoring.waiting import wait_until  # noqa: E402
from tests.monitoring.programs import require  # noqa: E402
from tests.monitoring.server import Server, log_events  # noqa: E402
from tests.monitoring.webdriver import Browser  # noqa: E402

PICTURES = 30
PICTURE = '<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><rect width="8" height="8" fill="#0{}"/></svg>'
PAGE = """<!doctype html><meta charset="utf-8"><title>pictures</title><link rel="icon" href="/0.svg">
<link rel="stylesheet" href="/style.css"><body>{}<script src="/script.js"></script>"""

# Four loads at a time, and a large file again and again, until the test sets window.enough.
SCRIPT = """
window.loads = {good: 0, bad: [], ended: 0};
const load = async (target, size) => {
  try {
    const answer = await fetch(target, {cache: "no-store"});
    const bytes = (await answer.arrayBuffer()).byteLength;
    if (!answer.ok || (size && bytes !== size)) throw new Error(`${answer.status}, ${bytes} bytes`);
    ++window.loads.good;
  } catch (error) {
    window.loads.bad.push(`${target}: ${error}`);
  }
};
const client = async (number) => {
  for (let n = 0; !window.enough; ++n)
    await (number === 0 ? load("/large.bin", 3000000) : load(`/${(n + number) % 30}.svg`, 0));
  ++window.loads.ended;
};
[0, 1, 2, 3].map(client);
"""


def make_site(folder):
    """What the server's web service shows."""
    pictures = "".join(f'<img src="/{number}.svg">' for number in range(PICTURES))
    (folder / "index.html").write_text(PAGE.format(pictures))
    (folder / "style.css").write_text("img { margin: 1px }\n")
    (folder / "script.js").write_text(SCRIPT)
    (folder / "large.bin").write_bytes(os.urandom(3000000))
    for number in range(PICTURES):
        (folder / f"{number}.svg").write_text(PICTURE.format(f"{number:02d}"))


def make_certificate(folder):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-days", "30", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                    "-keyout", str(folder / "site.key"), "-out", str(folder / "site.pem")],
                   check=True, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class HttpsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # The certificate is signed by itself.
        cls.browser = cls.enterClassContext(Browser("--ignore-certificate-errors"))
        cls.keys = Path(cls.enterClassContext(tempfile.TemporaryDirectory(prefix="keys-")))
        make_certificate(cls.keys)
        cls.site = Path(cls.enterClassContext(tempfile.TemporaryDirectory(prefix="site-")))
        make_site(cls.site)

    def setUp(self):
        self.browser.open("about:blank")  # the page of the last test asks no more
        self.browser.console()

    def server(self):
        return Server(more=(
            f'[[listen]]\naddress = "127.0.0.3:0"\nservice = "site"\ntls = true\n'
            f'[[listen]]\naddress = "127.0.0.4:0"\nservice = "status"\ntls = true\n'
            f'[service.site]\ntype = "http"\nroot = "{self.site}"\n'
            f'[pool.gates]\nkind = "tls"\nworkers = 2\nworkers_max = 2\n'
            f'[[tls.certificate]]\nchain = "{self.keys}/site.pem"\nkey = "{self.keys}/site.key"\n'))

    def await_answers(self, count):
        """So many loads more."""
        before = self.browser.run("return window.loads.good")
        wait_until(lambda: self.browser.run("return window.loads.good") >= before + count,
                   lambda: f"{count} loads more; {self.browser.run('return window.loads')}")

    def kill(self, server, pool):
        """Not in the middle of an answer: gates have none."""
        started = [int(line["worker_pid"]) for line in log_events(server.log(), "worker_started")
                   if line["pool"] == pool]
        alive = [pid for pid in started if Path(f"/proc/{pid}").exists()]
        self.assertEqual(len(alive), 2)
        for pid in alive:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: len(server.workers()) >= 4 and
                   not set(alive) & {worker["pid"] for worker in server.workers().values()}, "new gates")

    def test_a_page_and_its_loads_while_the_server_reloads(self):
        browser = self.browser
        with self.server() as server:
            browser.open(f"https://{server.more_addresses[0]}/")
            self.await_answers(20)
            self.assertEqual(browser.run("return location.protocol"), "https:")
            self.assertEqual(browser.run(
                "return [...document.images].filter(one => one.complete && one.naturalWidth === 8).length"), PICTURES)
            for reloads in range(1, 6):
                server.process.send_signal(signal.SIGHUP)
                wait_until(lambda: len(log_events(server.log(), "reload_done")) == reloads, "a reload")
                self.await_answers(20)
            self.kill(server, "gates")
            self.await_answers(20)
            browser.run("window.enough = true")
            wait_until(lambda: browser.run("return window.loads.ended") == 4, "the loads have ended")
            self.assertEqual(browser.run("return window.loads.bad"), [])
            self.assertEqual(browser.run(
                "return [...new Set(performance.getEntriesByType('resource').map(one => one.nextHopProtocol))]"),
                ["http/1.1"])
            self.assertEqual(browser.console(), [])

    def test_the_dashboard_over_tls(self):
        browser = self.browser
        with self.server() as server:
            browser.open(f"https://{server.more_addresses[1]}/")
            wait_until(lambda: " ready" in (browser.text("#ready") or ""), lambda: browser.text("#ready"))
            server.process.send_signal(signal.SIGHUP)
            wait_until(lambda: log_events(server.log(), "reload_done"), "a reload")
            wait_until(lambda: all(f"pid {worker['pid']}" in (browser.text("#workers") or "")
                                   for worker in server.workers().values()), lambda: browser.text("#workers"))
            self.assertFalse(browser.run("return document.querySelector('#gone').checkVisibility()"))
            self.assertEqual(browser.console(), [])


if __name__ == "__main__":
    require("chromium", "chromedriver", "openssl")
    unittest.main(verbosity=2)
