"""A small client of the WebDriver protocol (W3C) for chromedriver, with what a test of a page needs.

Owns the chromedriver and the browser that it starts, and the folder that they write to: all are removed at the end of
the `with`. Uses the standard library only.
"""

import base64
import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

from tests.monitoring.waiting import TIMEOUT, wait_until
from tests.monitoring.server import free_port

CHROMIUM_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--hide-scrollbars", "--force-color-profile=srgb")


class WebDriverError(Exception):
    pass


class Browser:
    """One headless Chromium with one page. `flags`: more of its flags."""

    def __init__(self, *flags):
        self.flags = flags

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.folder = Path(stack.enter_context(
                tempfile.TemporaryDirectory(prefix="browser-", ignore_cleanup_errors=True)))
            self._start_driver()
            stack.callback(self._stop_driver)
            self._open_session()
            stack.callback(self._close_session)
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self.stack.close()

    def _start_driver(self):
        # It cannot choose a port itself: with --port=0 the port that it gets for IPv6 may be in use for IPv4.
        for attempt in range(5):
            try:
                return self._start_driver_at(free_port())
            except WebDriverError:
                if attempt == 4:
                    raise

    def _start_driver_at(self, port):
        log = self.folder / "chromedriver.log"
        # Its own process group: a browser that outlives its driver is ended with it.
        with log.open("w") as output:
            self.driver = subprocess.Popen(
                ["chromedriver", f"--port={port}", "--log-level=WARNING"], stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, start_new_session=True,
                env={**os.environ, "HOME": str(self.folder), "TMPDIR": str(self.folder)})

        def listens():
            if self.driver.poll() is not None:
                raise WebDriverError(f"chromedriver has ended: {log.read_text()}")
            return "started successfully" in log.read_text()

        self.base = f"http://127.0.0.1:{port}"
        try:
            wait_until(listens, "chromedriver listens")
        except BaseException:
            self._stop_driver()
            raise

    def _stop_driver(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.driver.pid, signal.SIGKILL)
        self.driver.wait()

    def _open_session(self):
        flags = [*CHROMIUM_FLAGS, *self.flags, f"--user-data-dir={self.folder / 'profile'}"]
        options = {"args": flags, "binary": shutil.which("chromium")}
        session = self._call("POST", "/session", {"capabilities": {"alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}}})
        self.session = f"/session/{session['sessionId']}"
        self.look()

    def look(self, width=1280, height=900, dark=False):
        """Sets the size of the page, in CSS pixels, and the preferred colours."""
        self.width = width
        self.devtools("Emulation.setDeviceMetricsOverride",
                      width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.devtools("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def _close_session(self):
        with contextlib.suppress(WebDriverError, OSError):
            self._call("DELETE", self.session)

    def _call(self, method, path, body=None):
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.base + path, data, {"Content-Type": "application/json"}, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # never through a proxy
        try:
            with opener.open(request, timeout=TIMEOUT * 2) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            value = json.load(error)["value"]
            raise WebDriverError(f"{method} {path}: {value['error']}: {value['message']}") from None

    def devtools(self, command, **parameters):
        return self._call("POST", f"{self.session}/goog/cdp/execute", {"cmd": command, "params": parameters})

    def open(self, url):
        self._call("POST", f"{self.session}/url", {"url": url})

    def before_each_page(self, script):
        """Runs the script in every page that is opened from now on, before its own scripts."""
        self.devtools("Page.addScriptToEvaluateOnNewDocument", source=script)

    def run(self, script, *arguments):
        """Runs the body of a JavaScript function; its return value."""
        return self._call("POST", f"{self.session}/execute/sync", {"script": script, "args": list(arguments)})

    def text(self, selector):
        """The text of the first element; None if there is none."""
        return self.run("return document.querySelector(arguments[0])?.innerText ?? null", selector)

    def console(self):
        """What the page has logged since the last call: errors, refused loads, violations of its policy."""
        return [entry["message"] for entry in self._call("POST", f"{self.session}/se/log", {"type": "browser"})]

    def screenshot(self, path):
        """The whole page, however long it is."""
        height = self.run("return document.documentElement.scrollHeight")
        shot = self.devtools("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip={
            "x": 0, "y": 0, "width": self.width, "height": height, "scale": 1})
        Path(path).write_bytes(base64.b64decode(shot["data"]))
