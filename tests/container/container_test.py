#!/usr/bin/env python3
"""The image, in containers of podman: it starts, serves, reloads and stops as docker's and podman's users expect, with a
read-only root, no capabilities and any user."""

import http.client
import re
import socket
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).absolute().parent.parent.parent
sys.path.insert(0, str(ROOT))

from tests.container import namespaces  # noqa: E402
from tests.container.podman import Container, Podman  # noqa: E402
from tests.monitoring.programs import require  # noqa: E402
from tests.monitoring.server import Clients, fetch  # noqa: E402
from tests.monitoring.waiting import TIMEOUT, wait_until  # noqa: E402

SITE, STATUS = ("127.0.0.1", 8080), "http://127.0.0.1:9100"


class Askers(Clients):
    """Clients that ask all the time, half of them on a kept connection. `failed`: what was not answered, and why."""

    def __init__(self, clients=4):
        super().__init__(self._run, [number % 2 == 0 for number in range(clients)])
        self.answered, self.failed = 0, []
        self.lock = threading.Lock()

    def more(self, count):
        goal = self.answered + count
        wait_until(lambda: self.failed or self.answered >= goal, "answers")

    def _run(self, keeps):
        connection = None
        while not self.stop.is_set():
            connection = connection or http.client.HTTPConnection(*SITE, timeout=TIMEOUT)
            try:
                connection.request("GET", "/", headers={} if keeps else {"Connection": "close"})
                answer = connection.getresponse()
                body = answer.read()
                with self.lock:
                    self.answered += answer.status == 200 and b"preforkd" in body
                if answer.status != 200:
                    self.failed.append(answer.status)
                if answer.will_close:
                    connection.close()
                    connection = None
            except (OSError, http.client.HTTPException) as error:
                self.failed.append(repr(error))
                connection = None
            self.stop.wait(0.002)
        if connection:
            connection.close()


class ImageInPodman(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.podman = PODMAN
        cls.image = cls.podman("load", "--quiet", "--input", IMAGE).split()[-1]

    def container(self, *flags, **more):
        return Container(self.podman, self.image, flags, **more)

    def test_its_name_has_the_version(self):
        self.assertEqual(self.image, f"localhost/preforkd:{VERSION}")

    def test_the_first_process_is_preforkd_without_any_right(self):
        with self.container() as container:
            process = Path("/proc", str(container.pid()))
            status = dict(line.split(":\t", 1) for line in (process / "status").read_text().splitlines() if ":\t" in line)
            self.assertEqual((status["Name"], status["NSpid"].split()[-1]), ("preforkd", "1"))
            self.assertEqual(status["Uid"].split(), ["12345"] * 4)
            for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
                self.assertEqual(int(status[kind], 16), 0, kind)
            self.assertEqual(status["Seccomp"], "2")  # podman's profile, which Kubernetes calls RuntimeDefault
            self.assertEqual(fetch(STATUS + "/readyz"), b"ready\n")
            self.assertEqual(fetch(STATUS + "/healthz"), b"ok\n")
            self.assertIn(b"preforkd", fetch("http://127.0.0.1:8080/"))
            self.assertEqual({stream for stream, _ in container.lines()}, {"stderr"})
            wait_until(lambda: any('"GET / HTTP/1.1" 200' in text for _, text in container.lines()), "the access log")

    def test_hup_reloads_and_cuts_nobody(self):
        with self.container() as container, Askers() as clients:
            clients.more(50)
            container.kill("HUP")
            [done] = container.await_event("reload_done")
            clients.more(50)
            self.assertEqual((done["generation"], clients.failed), ("2", []))

    def test_stop_finishes_what_was_begun(self):
        with self.container() as container, socket.create_connection(SITE, TIMEOUT) as slow:
            slow.sendall(b"GET / HTTP/1.1\r\n")
            # [::]:8080, or 0.0.0.0:8080 on a kernel without IPv6.
            accepted = re.compile(rb'preforkd_connections_accepted_total\{listener="[^"]*:8080"\} 1\n')
            wait_until(lambda: accepted.search(fetch(STATUS + "/metrics")), "the slow client's connection")
            begun = time.monotonic()
            container.kill("TERM")
            container.await_event("stopping")
            slow.sendall(b"Host: site\r\n\r\n")
            answer = http.client.HTTPResponse(slow)
            answer.begin()
            self.assertEqual((answer.status, answer.getheader("Connection")), (200, "close"))
            self.assertIn(b"preforkd", answer.read())
            self.assertEqual(container.wait(), 0)
            self.assertLess(time.monotonic() - begun, 8)  # drain_timeout: nothing has waited for it
            self.assertEqual(container.await_event("stopped")[0]["lost"], "0")

    def test_podman_stop_is_in_time(self):
        with self.container() as container, socket.create_connection(SITE, TIMEOUT) as silent:
            silent.sendall(b"GET / HTTP/1.1\r\n")  # and no more
            self.podman("stop", container.name)
            self.assertEqual(container.wait(), 0)  # 137 if it had been killed, after 10 s
            self.assertTrue(container.events("stopped"))

    def test_a_site_in_a_volume_and_preforkctl(self):
        with tempfile.TemporaryDirectory(dir="/run") as site:
            Path(site).chmod(0o755)
            Path(site, "index.html").write_text("a site\n")
            with self.container(f"--volume={site}:/srv/www:ro", "--env=PREFORKD_SERVICE_SITE_ROOT=/srv/www") as container:
                self.assertEqual(fetch("http://127.0.0.1:8080/"), b"a site\n")
                self.assertIn("generation 2", self.podman("exec", container.name, "preforkctl", "reload", "--wait"))

    def test_the_user_of_the_image_and_a_root_that_is_not_read_only(self):
        with self.container("--read-only=false", user="") as container:
            self.assertIn("Uid:\t65532", Path("/proc", str(container.pid()), "status").read_text())
            self.assertIn("serving", self.podman("exec", container.name, "preforkctl", "status"))

    def test_without_any_folder_that_can_be_written_only_preforkctl_is_missing(self):
        with self.container("--read-only-tmpfs=false") as container, Askers() as clients:
            clients.more(20)
            self.assertEqual(len(container.events("control_failed")), 1)
            container.kill("HUP")
            container.await_event("reload_done")
            self.assertEqual(clients.failed, [])


if __name__ == "__main__":
    require("podman", "crun", "unshare", "ip")
    namespaces.enter()
    IMAGE, VERSION = sys.argv.pop(1), sys.argv.pop(1)
    with Podman() as PODMAN:
        PODMAN.require_containers()
        unittest.main(verbosity=2, exit=False).result.wasSuccessful() or sys.exit(1)
