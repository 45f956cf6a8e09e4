"""Namespaces of a test's own, for containers in them: its files in /run, its groups of processes and its network are no
other's, and the kernel removes them when the last process has ended."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.monitoring.programs import cannot

_INSIDE = "TEST_IS_IN_NAMESPACES"
_CGROUP = "/sys/fs/cgroup"


def _run(*words):
    tried = subprocess.run(words, capture_output=True, text=True)
    if tried.returncode != 0:
        cannot(f"{' '.join(words)}: {tried.stderr.strip()}")


def enter():
    """Starts the calling script again in them. Ends it where that is not possible."""
    if os.environ.get(_INSIDE):
        return _furnish()
    if os.geteuid() != 0:
        cannot("namespaces need root")
    # Whatever kills the first process takes the containers with it.
    unshare = ["unshare", "--mount", "--net", "--ipc", "--pid", "--fork", "--kill-child", "--mount-proc",
               "--propagation", "private"]
    tried = subprocess.run([*unshare, "true"], capture_output=True, text=True)
    if tried.returncode != 0:
        cannot(f"the kernel lets no namespaces be made here: {tried.stderr.strip()}")
    os.execvpe("unshare", [*unshare, sys.executable, *sys.argv], {**os.environ, _INSIDE: "yes"})


def _furnish():
    for folder in ("/run", "/dev/shm"):
        _run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", folder)
    # crun refuses a mixture of both versions. In this one there are no limits, and no container here has any.
    if not Path(_CGROUP, "cgroup.controllers").exists():
        _run("mount", "-t", "cgroup2", "cgroup2", _CGROUP)
    _run("ip", "link", "set", "lo", "up")


def copy_of_program(program, root):
    """A root folder with that program and its libraries, and nothing else."""
    said = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
    for path in [program, *(word for word in said.split() if word.startswith("/"))]:
        copy = Path(root, path.lstrip("/"))
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
