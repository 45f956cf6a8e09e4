"""Runs the cases: round by round, in each round every server of every case, in an order of its own.

What a machine does besides changes within seconds, and a server may profit from what ran before it: so servers are
compared within a round, and each round has another order. Every segment is a fresh process on a fresh port.
"""

import contextlib
import grp
import os
import pwd
import random
import resource
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import against
import tls_files
from cases import Case
from client import WrongAnswer
from load import Load
from metrics import METRICS
from runners import GENERATORS, RUNNERS, GeneratorFailed
from server_process import ServerFailed, ServerProcess, free_port
from servers.server import BODY, FILES, Order
from summary import Segment

_FILES = {"hello": BODY, "1k.bin": bytes(range(256)) * 4, "100k.bin": bytes(range(256)) * 400,
          "10m.bin": bytes(range(256)) * 40960}
_UNPRIVILEGED = "www-data"  # Debian's user for all web servers
# No process has both ends of the idle connections, so this is enough for each.
_DESCRIPTORS = 17000


@dataclass(frozen=True)
class Setting:
    """The settings that all segments share."""

    folder: Path
    programs: Path
    seconds: int
    generator_name: str
    user: str | None

    def body(self, path):
        return _FILES[path.removeprefix("/")] if path != "/block" else BODY

    def generator(self, load: Load):
        """The generator asked for, or the first that can generate this load."""
        return next(tool for tool in (GENERATORS[self.generator_name], *GENERATORS.values()) if tool.can(load))


# What Bazel has built.
PROGRAMS = ("preforkd_measured", "open_load", "handshake_load", "measured_event.so", "measured_blocking.so",
            "pistache_measured")


@contextlib.contextmanager
def setting(programs: Path, seconds, generator, more=()):
    """A folder with the files to serve and copies of the programs: a build meanwhile has no effect. `more`: {name: folder}
    of the programs of other commits, each of which comes into a folder with that name among the others."""
    with tempfile.TemporaryDirectory(prefix="preforkd-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        for part in ("root", "programs"):
            (folder / part).mkdir()
        tls_files.make(folder / "tls")
        for file, content in _FILES.items():
            (folder / "root" / file).write_bytes(content)
        for program in PROGRAMS:
            shutil.copy(programs / program, folder / "programs")
        for other, source in dict(more).items():
            (folder / "programs" / other).mkdir()
            for program in against.PROGRAMS:
                shutil.copy(source / program, folder / "programs" / other)
        yield Setting(folder, folder / "programs", seconds, generator, _unprivileged_user())


def _unprivileged_user():
    """The user that servers started as root change to; the same for all."""
    if os.geteuid() != 0:
        return None
    try:
        pwd.getpwnam(_UNPRIVILEGED), grp.getgrnam(_UNPRIVILEGED)
    except KeyError:
        return "nobody"
    return _UNPRIVILEGED


def raise_descriptor_limit():
    """Raises the limit for this process and its children. If it stays too low, the cases that need it fail."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max(hard, _DESCRIPTORS)
    for limit in (wanted, wanted), (hard, hard):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, limit)
            return
    print(f"tools/bench: the limit of descriptors stays {soft}", file=sys.stderr)


def run(cases, servers_of, rounds, where: Setting, progress):
    """Yields segments. `servers_of(case)`: the servers to run; `progress(text)` gets a line for each segment."""
    for number in range(1, rounds + 1):
        for case in cases:
            if number > case.max_rounds:
                continue
            servers = list(servers_of(case))
            # Another order in each round, but the same in each run.
            random.Random(f"{case.name} {number}").shuffle(servers)
            for server in servers:
                segment = run_segment(case, server, number, where)
                progress(f"round {number}/{rounds}  {case.name:<18} {server.name:<21} {_in_short(case, segment)}")
                yield segment


def _order(case, server, where, connections):
    return Order(
        folder=where.folder / server.name,
        root=where.folder / "root",
        port=free_port(),
        workers=case.workers,
        connections=connections,
        kept=case.kept,
        files=case.needs == FILES,
        tls=where.folder / "tls" if case.tls else None,
        user=where.user,
        programs=where.programs,
    )


def run_segment(case, server, number, where):
    def start(connections=case.connections):
        return ServerProcess(server, _order(case, server, where, connections))

    try:
        values, problems = RUNNERS[case.runner](case, start, where, number)
    except (ServerFailed, WrongAnswer, GeneratorFailed, OSError, RuntimeError) as error:
        values, problems = {}, [" ".join(f"{type(error).__name__}: {error}".split())]
    return Segment(case.name, number, server.name, values, tuple(problems))


def _in_short(case, segment):
    said = [f"{METRICS[key].text(segment.values[key])} {METRICS[key].title}" for key in case.columns[:2]
            if key in segment.values]
    return ", ".join(said + [f"! {problem}" for problem in segment.problems])
