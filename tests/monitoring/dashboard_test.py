#!/usr/bin/env python3
"""The dashboard in a real browser, on the real server: it shows the state of the server, and what happens."""

import contextlib
import http.client
import os
import re
import signal
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).absolute().parent.parent.parent
sys.path.insert(0, str(ROOT))

from tests.monitoring.waiting import wait_until  # noqa: E402
from tests.monitoring.programs import require  # noqa: E402
from tests.monitoring.server import Load, Server, own_address  # noqa: E402
from tests.monitoring.webdriver import Browser  # noqa: E402

# Counts requests: how many were in progress at the same time, and how many there were.
COUNT_QUESTIONS = """
window.questions = {now: 0, most: 0, all: 0};
const ask = window.fetch;
window.fetch = async (...what) => {
  const counts = window.questions;
  counts.most = Math.max(counts.most, ++counts.now);
  ++counts.all;
  try { return await ask(...what); } finally { --counts.now; }
};
"""


# Changes the server's answers: one worker is in a pool of its own, whose state is in `window.appState`.
MAKE_POOLS = """
window.appState = "serving";
const answered = window.fetch;
window.fetch = async (...what) => {
  const status = await (await answered(...what)).json();
  const main = status.pools[0];
  status.pools = [main, {...main, name: "app", state: window.appState, workers_wanted: 2, ready: 0, waiting: 5}];
  status.workers[0].pool = "app";
  return new Response(JSON.stringify(status));
};
"""


def await_text(browser, selector, wanted):
    """Until the element's text holds `wanted`."""
    wait_until(lambda: wanted in (browser.text(selector) or ""),
               lambda: f"'{wanted}' in {selector}, which says '{browser.text(selector)}'")


def keep_screenshot(browser, name):
    """Where Bazel keeps it (bazel-testlogs/.../test.outputs)."""
    folder = os.environ.get("TEST_UNDECLARED_OUTPUTS_DIR")
    if folder:
        browser.screenshot(Path(folder) / f"{name}.png")


class Dashboard(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.browser = cls.enterClassContext(Browser())
        cls.browser.before_each_page(COUNT_QUESTIONS)

    def setUp(self):
        self.browser.look()
        self.addCleanup(self.leave)

    def leave(self):
        self.browser.open("about:blank")
        self.browser.console()  # the next test starts with an empty one

    def test_every_size_and_colour(self):
        browser = self.browser
        with Server() as server, Load(server.web):
            backgrounds = set()
            looks = ((400, False), (400, True), (800, True), (1100, False), (1600, False), (1600, True))
            for width, dark in looks:
                with self.subTest(width=width, dark=dark):
                    browser.look(width, 900, dark)
                    browser.open(server.status + "/")
                    await_text(browser, "#state", "serving")
                    wait_until(lambda: browser.run("return document.querySelectorAll('.plot path.line').length") == 3,
                               "the lines of both charts")
                    self.assertEqual(browser.run("return document.querySelectorAll('#workers tbody tr').length"), 2)
                    # Nothing is wider than the page or its tile.
                    self.assertEqual(browser.run("return document.documentElement.scrollWidth"), width)
                    beyond = browser.run("""return [...document.querySelectorAll('.tile, #workers td, .card')]
                        .filter(part => part.getBoundingClientRect().right > innerWidth).length""")
                    self.assertEqual(beyond, 0)
                    self.assertEqual(browser.run("""return [...document.querySelectorAll('.table')]
                        .filter(table => table.scrollWidth > table.clientWidth).length"""), 0)
                    backgrounds.add(browser.run("return getComputedStyle(document.body).backgroundColor"))
                    keep_screenshot(browser, f"{width}-{'dark' if dark else 'light'}")
                    self.assertEqual(browser.console(), [])  # its policy refuses nothing either
            self.assertEqual(len(backgrounds), 2)

    def test_pools_are_shown_where_there_are_several(self):
        browser = self.browser
        with Server() as server:
            browser.open(server.status + "/")
            await_text(browser, "#ready", "2 ready, 2 wanted")
            self.assertFalse(browser.run("return document.querySelector('#pools').checkVisibility()"))
            self.assertEqual(browser.text("#workers tbody td.slot"), "0")
            browser.run(MAKE_POOLS)
            await_text(browser, "#pools li[data-pool='app']", "0 ready, 2 wanted")
            await_text(browser, "#pools li[data-pool='app']", "5 wait")
            await_text(browser, "#workers tr[data-slot='0'] .slot", "app")
            slots = browser.run("return [...document.querySelectorAll('#workers tbody tr')].map(row => row.dataset.slot)")
            self.assertEqual(slots, ["1", "0"])  # pool by pool
            browser.run("window.appState = 'degraded'")
            await_text(browser, "#pools li[data-pool='app']", "degraded, 0 ready")
            await_text(browser, "#events", "pool app is degraded")
            keep_screenshot(browser, "pools")
            self.assertEqual(browser.console(), [])

    def test_a_killed_worker_is_seen(self):
        browser = self.browser
        with Server() as server:
            browser.open(server.status + "/")
            await_text(browser, "#ready", "2 ready, 2 wanted")
            await_text(browser, "#tile-restarts", "no worker was restarted")
            victim = server.workers()[0]
            row = "#workers tr[data-slot='0']"
            await_text(browser, f"{row} .process", f"pid {victim['pid']}")
            os.kill(victim["pid"], signal.SIGKILL)

            def another():
                worker = server.workers().get(0, victim)
                return worker if worker["pid"] != victim["pid"] else None

            follower = wait_until(another, "another worker in slot 0")
            await_text(browser, f"{row} .process", f"pid {follower['pid']}")
            await_text(browser, f"{row} .process", f"#{follower['incarnation']}")
            await_text(browser, "#tile-restarts b", "1")
            await_text(browser, "#tile-restarts", "crash 1")
            await_text(browser, "#events", "workers ended: crash 1")
            await_text(browser, "#events", f"slot 0: worker #{follower['incarnation']}, pid {follower['pid']}, follows "
                                           f"#{victim['incarnation']}")
            self.assertEqual(browser.run("return document.querySelectorAll('#workers tbody tr').length"), 2)

    def test_traffic_reload_and_scaling_are_seen(self):
        browser = self.browser
        with Server() as server, Load(server.web):
            browser.open(server.status + "/")
            wait_until(lambda: re.fullmatch(r"[1-9][\d,.]+( M)?", browser.text("#tile-rate b") or ""),
                       lambda: f"requests a second; shown is {browser.text('#tile-rate b')}")
            await_text(browser, "#tile-wait", "p50")
            wait_until(lambda: browser.run(
                "return [...document.querySelectorAll('#workers .requests .bar')].some("
                "bar => parseFloat(getComputedStyle(bar, '::after').width) > 1)"), "a bar of requests")
            os.kill(server.pid, signal.SIGHUP)
            await_text(browser, "#generation", "2")
            await_text(browser, "#events", "generation 2 serves")
            os.kill(server.pid, signal.SIGTTIN)
            await_text(browser, "#ready", "3 ready, 3 wanted")

    def test_a_worker_that_hangs_is_named(self):
        browser = self.browser
        with Server() as server:
            browser.open(server.status + "/")
            await_text(browser, "#ready", "2 ready")
            worker = server.workers()[1]["pid"]
            os.kill(worker, signal.SIGSTOP)
            try:
                await_text(browser, "#workers tr[data-slot='1'] .doing", "has not answered for")
            finally:
                os.kill(worker, signal.SIGCONT)

    def test_what_clients_send_is_text(self):
        browser = self.browser
        with Server() as server:
            browser.open(server.status + "/")
            await_text(browser, "#ready", "2 ready")
            hostile = "/'\"&amp;<img/src=x/onerror=alert(1)>"
            client = http.client.HTTPConnection(server.web.removeprefix("http://"))

            def shown():
                client.putrequest("GET", hostile, skip_accept_encoding=True)
                client.endheaders()
                client.getresponse().read()
                return hostile in (browser.text("#workers") or "")

            # Served by the worker that does not serve the page itself at that moment.
            with contextlib.closing(client):
                wait_until(shown, lambda: f"the request as it was sent; shown is {browser.text('#workers')}")
            self.assertEqual(browser.run("return document.querySelectorAll('main img').length"), 0)
            self.assertEqual(browser.console(), [])

    def test_a_server_that_is_gone_and_comes_back(self):
        browser = self.browser
        address = own_address()
        with Server(status=address) as server:
            browser.open(server.status + "/")
            await_text(browser, "#ready", "2 ready")
            self.assertFalse(browser.run("return document.querySelector('#gone').checkVisibility()"))
        await_text(browser, "#gone", "The server does not answer.")
        await_text(browser, "#state", "gone")
        await_text(browser, "#gone", "Trying again every 4 s.")  # less and less often
        await_text(browser, "#events", "the server does not answer")
        keep_screenshot(browser, "gone")
        with Server(status=address) as server:
            await_text(browser, "#state", "serving")
            self.assertFalse(browser.run("return document.querySelector('#gone').checkVisibility()"))
            await_text(browser, "#events", "the server answers again")
            await_text(browser, "#events", "this is another server")
            await_text(browser, "#workers tr[data-slot='0'] .process", f"pid {server.workers()[0]['pid']}")
            self.assertEqual(browser.run("return questions.most"), 1)

    def test_it_never_asks_twice_at_once(self):
        browser = self.browser
        with Server() as server:
            browser.open(server.status + "/")
            await_text(browser, "#ready", "2 ready")
            stopped = [worker["pid"] for worker in server.workers().values()]
            for pid in stopped:
                os.kill(pid, signal.SIGSTOP)
            try:
                # No worker answers: the request ends at the page's own timeout, and only then the next one is sent.
                await_text(browser, "#gone", "Trying again every 2 s.")
            finally:
                for pid in stopped:
                    os.kill(pid, signal.SIGCONT)
            await_text(browser, "#state", "serving")
            self.assertEqual(browser.run("return questions.most"), 1)
            self.assertGreater(browser.run("return questions.all"), 3)


if __name__ == "__main__":
    require("chromium", "chromedriver")
    unittest.main(verbosity=2)
