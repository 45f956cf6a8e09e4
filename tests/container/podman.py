"""podman with a store of its own, and containers of the image. Only in namespaces.py's namespaces."""

import os
import subprocess
import tempfile
from pathlib import Path

from tests.container.namespaces import copy_of_program
from tests.monitoring.programs import cannot
from tests.monitoring.server import log_events
from tests.monitoring.waiting import TIMEOUT, wait_until

# Podman raises these, which root may not everywhere.
_LIMITS = ("--ulimit=nofile=1024:1024", "--ulimit=nproc=1000:1000")
# The network of the test, in which nobody else listens.
_RUN = ("--cgroups=disabled", "--network=host", *_LIMITS)


class Podman:
    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(dir="/run", prefix="podman-")
        places = [f"--{name}={Path(self.folder.name, name)}" for name in ("root", "runroot", "tmpdir")]
        self.words = ["podman", *places, "--storage-driver=vfs", "--cgroup-manager=cgroupfs", "--runtime=crun"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.try_to("rm", "--all", "--force", "--time=0")
        self.folder.cleanup()

    def try_to(self, *words):
        return subprocess.run([*self.words, *map(str, words)], capture_output=True, text=True, timeout=4 * TIMEOUT)

    def __call__(self, *words):
        result = self.try_to(*words)
        assert result.returncode == 0, f"podman {' '.join(map(str, words))}: {result.stderr}"
        return result.stdout.strip()

    def require_containers(self):
        """Ends the test if a program of this machine, which runs outside, does not run in a container."""
        with tempfile.TemporaryDirectory(dir="/run") as root:
            copy_of_program("/usr/bin/true", root)
            tried = self.try_to("run", "--rm", *_RUN, "--rootfs", root, "/usr/bin/true")
        if tried.returncode != 0:
            cannot(f"containers do not run here: {(tried.stderr.strip().splitlines() or ['no reason given'])[-1]}")


class Container:
    """A container of the image, with `flags` of podman run and `arguments` for preforkd. It is read-only, has no
    capabilities, and its user is in no file."""

    def __init__(self, podman, image, flags=(), arguments=(), user="12345:0", workers=2):
        self.podman = podman
        self.log_path = Path(podman.folder.name, f"log-{os.urandom(4).hex()}")
        self.name = podman("run", "--detach", *_RUN, "--read-only", "--cap-drop=all", "--security-opt=no-new-privileges",
                           f"--user={user}", "--log-driver=k8s-file", f"--log-opt=path={self.log_path}", *flags, image,
                           f"--workers={workers}", *arguments)
        self.ended = False
        try:
            self.await_event("serving")
        except BaseException:
            self.remove()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()

    def remove(self):
        if not self.ended:
            self.podman.try_to("rm", "--force", "--time=0", self.name)

    def lines(self):
        """Stream and text of each line that it has written."""
        lines = [line.split(" ", 3) for line in self.log_path.read_text(errors="replace").splitlines()]
        return [(stream, text) for _, stream, _, text in lines]

    def events(self, event):
        return log_events("\n".join(text for _, text in self.lines()), event)

    def running(self):
        return self.podman("inspect", "--format={{.State.Running}}", self.name) == "true"

    def await_event(self, event):
        wait_until(lambda: self.events(event) or not self.running(), lambda: f"{event}: {self.lines()}")
        found = self.events(event)
        assert found, f"the container has ended: {self.lines()}"
        return found

    def pid(self):
        """That of the first process, as it is seen from here."""
        return int(self.podman("inspect", "--format={{.State.Pid}}", self.name))

    def kill(self, signal):
        self.podman("kill", f"--signal={signal}", self.name)

    def wait(self):
        """Its exit code."""
        return int(self.podman("wait", self.name))
