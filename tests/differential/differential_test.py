#!/usr/bin/python3
"""The same bytes to preforkd, to nginx and to h11: where they disagree about requests, a table says why.

disagreements.txt lists each disagreement with what both make of it, below a reason. One that is not there fails the
test, and so does one that is there and does not occur (any more), or has become another one. With --print the test
prints what is missing in the form of the table: the reason is to be found.
"""

import os
import subprocess
import sys
import tempfile
import time
import unittest
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).absolute().parent.parent.parent
sys.path.insert(0, str(ROOT))

from tests.differential.cases import all_cases  # noqa: E402
from tests.differential.disagreements import ReasonTable  # noqa: E402
from tests.differential.readers import (Upstream, read_with_h11, read_with_nginx,  # noqa: E402
                                        read_with_preforkd)
from tests.monitoring.programs import require  # noqa: E402
from tests.monitoring.server import Server  # noqa: E402
from tests.monitoring.waiting import wait_until  # noqa: E402

FOLDER = Path("tests/differential")
TABLE = ROOT / FOLDER / "disagreements.txt"
MIRROR = f"""\
[[listen]]
address = "127.0.0.4:0"
service = "mirror"
[service.mirror]
type = "module"
path = "{os.path.abspath(FOLDER / 'mirror.so')}"
max_body = "1MiB"
"""

# What nginx is told beside its defaults: where it may write, and to hand on each request as it has read it.
NGINX = """\
{user}
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log crit;
events {{ }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  map $http_transfer_encoding $framing {{ "" $length; default chunked; }}
  map $http_content_length $length {{ "" none; default length; }}
  server {{
    listen unix:{folder}/nginx.sock;
    location / {{
      proxy_pass http://unix:{folder}/upstream.sock:;
      proxy_http_version 1.1;
      proxy_set_header X-Framing $framing;
      proxy_ignore_client_abort on;
      proxy_buffer_size 32k;
      proxy_buffers 8 32k;
    }}
  }}
}}
"""


class Nginx:
    """nginx in front of an upstream that keeps what it gets."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="nginx-")
        folder = self.folder.name
        # As root it would give its folders to another user, which a sandbox does not have.
        user = "user root root;" if os.geteuid() == 0 else ""
        (Path(folder) / "nginx.conf").write_text(NGINX.format(folder=folder, user=user))
        self.upstream = Upstream(f"{folder}/upstream.sock")
        self.path = f"{folder}/nginx.sock"
        self.process = subprocess.Popen(["nginx", "-e", f"{folder}/error.log", "-p", folder, "-c", f"{folder}/nginx.conf"],
                                        stdin=subprocess.DEVNULL)
        try:
            wait_until(lambda: os.path.exists(self.path) or self.process.poll() is not None, "nginx listens")
            assert self.process.poll() is None, (Path(folder) / "error.log").read_text()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.folder.cleanup()

    def read(self, data):
        return read_with_nginx(self.path, self.upstream, data)


class Differential(unittest.TestCase):
    def test_every_disagreement_has_a_reason(self):
        started = time.monotonic()
        cases = all_cases(FOLDER / "print_rows")
        table = ReasonTable(TABLE.read_text())
        found = Counter()
        with Server(workers=1, more=MIRROR) as server, Nginx() as nginx:
            for name, data in cases:
                ours = read_with_preforkd(server.more_addresses[0], data)
                for peer, theirs in (("nginx", nginx.read(data)), ("h11", read_with_h11(data))):
                    if not ours.agrees(theirs):
                        found[peer, f"{name} | {ours} | {theirs}"] += 1
        disagreed = found.total()
        print(f"{len(cases)} connections, each to two peers: {2 * len(cases) - disagreed} agreements, {disagreed} "
              f"disagreements for {len(table.reasons)} reasons, in {time.monotonic() - started:.1f} s")
        if "--print" in ARGUMENTS:
            print(table.missing(found))
        self.assertEqual(table.problems(found), [])


if __name__ == "__main__":
    os.environ["PATH"] += ":/usr/sbin"
    require("nginx")
    try:
        import h11  # noqa: F401
    except ImportError:
        require("python3-h11")
    ARGUMENTS = sys.argv[1:]
    unittest.main(argv=sys.argv[:1])
