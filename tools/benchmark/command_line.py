"""The command `tools/bench`: its arguments and its output."""

import argparse
import contextlib
import signal
import subprocess
import sys
from pathlib import Path

import against
import machine
import report
import session
from cases import CASES
from goals import GOALS, limits_of
from summary import OURS

ROOT = Path(__file__).resolve().parent.parent.parent
_TARGETS = tuple("//tools/benchmark:" + program for program in session.PROGRAMS)
_WRONG_COMMAND_LINE = 64
_MAX_SECONDS = 10

_DESCRIPTION = """\
Measures preforkd beside nginx, HAProxy, Apache prefork, gunicorn, uWSGI and Pistache on this machine: throughput,
latency, CPU time of all processes, memory. Installs what is missing (tools/setup bench) and builds first. Prints
medians, ratios within each round, and which goals are met. All cases with the defaults take about 40 minutes.
"""


def _positive(text):
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        self.print_usage(sys.stderr)
        self.exit(_WRONG_COMMAND_LINE, f"{self.prog}: {message}\n")


def parse_arguments(arguments):
    parser = _Parser(prog="tools/bench", description=_DESCRIPTION,
                     formatter_class=argparse.RawDescriptionHelpFormatter,
                     epilog="It exits with 1 when preforkd had a problem in any round or the run was interrupted, and\n"
                            "with 64 for a wrong command line.")
    parser.add_argument("cases", nargs="*", metavar="CASE", help="a case of --list; default: all")
    parser.add_argument("--rounds", type=_positive, default=5, help="rounds over all servers of a case (5)")
    parser.add_argument("--seconds", type=_positive, default=2, help="of load in a segment; some cases take longer (2)")
    parser.add_argument("--peers", metavar="A,B", help="compare with these only; default: all peers of a case")
    parser.add_argument("--against", metavar="COMMIT", help="compare with preforkd of that commit, which is built first in a "
                        "folder of its own; other peers only if --peers names them")
    parser.add_argument("--load", choices=("h2load", "wrk"), default="wrk",
                        help="load generator for cases with kept connections and no delay (wrk)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything, including each segment")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables")
    parser.add_argument("--svg", type=Path, metavar="FILE", help="write a bar chart")
    parser.add_argument("--jobs", type=_positive, metavar="N", help="of Bazel; default: its own")
    parser.add_argument("--no-build", action="store_true", help="measure the existing programs")
    parser.add_argument("--list", action="store_true", help="list the cases, their servers and goals, and exit")
    options = parser.parse_args(arguments)
    try:
        options.cases = choose_cases(options.cases)
        options.peers = choose_peers(options.peers, options.cases)
        if options.against is not None:
            options.against = against.resolve(ROOT, options.against)
            options.cases = tuple(against.comparing(case) for case in options.cases)
    except ValueError as error:
        parser.error(str(error))
    if options.seconds > _MAX_SECONDS:
        # A connection for each request leaves sockets in TIME_WAIT for a minute: longer runs would exceed the
        # kernel's limit.
        parser.error(f"--seconds: at most {_MAX_SECONDS}")
    for path in filter(None, (options.json, options.markdown, options.svg)):
        try:
            path.open("a").close()
        except OSError as error:
            # Fail now, not after 20 minutes.
            parser.error(f"{path}: {error.strerror}")
    return options


def choose_cases(names):
    known = {case.name: case for case in CASES}
    if unknown := [name for name in names if name not in known]:
        raise ValueError(f"no case {unknown[0]}; there are {' '.join(known)}")
    return tuple(case for case in CASES if not names or case.name in names)


def choose_peers(text, cases):
    """The names, or None for all."""
    if text is None:
        return None
    known = sorted({server.name for case in cases for server in case.servers} - {OURS})
    names = [name for name in text.split(",") if name]
    if unknown := [name for name in names if name not in known and name != OURS]:
        raise ValueError(f"no peer {unknown[0]} in these cases; there are {' '.join(known)}")
    return names


def servers_of(case, peers, commit=None):
    """`commit`: of a preforkd that is a peer, too; then without `peers` it is the only one."""
    if commit is None:
        return tuple(server for server in case.servers if server.name == OURS or peers is None or server.name in peers)
    ours, *others = case.servers
    return (ours, against.beside(ours, commit), *(server for server in others if server.name in (peers or ())))


def list_cases():
    for case in CASES:
        print(f"{case.name}: {case.title}\n    {' '.join(server.name for server in case.servers)}")
        for goal in GOALS:
            if case.name in goal.cases:
                print(f"    goal against {goal.peer}: {goal.metric} {goal.text()}")
        for limit in limits_of(case.name):
            print(f"    limit: {limit.metric} <= {limit.bound:g}")


def prepare(jobs):
    """Installs and builds. Prints Bazel's output only if it fails."""
    subprocess.run([ROOT / "tools/setup", "bench"], check=True)
    print("building...", file=sys.stderr)
    built = subprocess.run(["bazel", "build", "--config=opt", "--color=no", "--curses=no",
                            *([f"--jobs={jobs}"] if jobs else []), *_TARGETS], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                           check=False)
    if built.returncode:
        print(built.stdout, "tools/bench: the build failed; see Bazel's output above", sep="\n", file=sys.stderr)
        sys.exit(1)


def _versions(cases, choose, where):
    servers = {server.name: server for case in cases for server in choose(case)}
    versions, seen = {}, set()
    for name, server in servers.items():
        command = [part.format(programs=where.programs) for part in server.version]
        if tuple(command) not in seen:
            seen.add(tuple(command))
            versions[name] = machine.version(command)
    return versions


def measure(options, other=None):
    """Runs the cases. `other`: the folder with the programs of options.against. An interrupt ends the run; the segments measured until then are reported."""
    described, watch = machine.describe(), machine.Watch()
    session.raise_descriptor_limit()
    more = {options.against.name: other} if other else {}

    def choose(case):
        return servers_of(case, options.peers, options.against)

    with session.setting(ROOT / "bazel-bin/tools/benchmark", options.seconds, options.load, more) as where:
        versions = _versions(options.cases, choose, where)
        generator = f"{options.load} {machine.version([options.load, '--version'])}"
        segments, notes = [], []
        try:
            for segment in session.run(options.cases, choose, options.rounds, where,
                                       lambda line: print(line, file=sys.stderr, flush=True)):
                segments.append(segment)
        except KeyboardInterrupt:
            notes.append(f"interrupted; segments measured: {len(segments)}")
    ran = {segment.case for segment in segments}
    cases = tuple((case, tuple(server.name for server in choose(case))) for case in options.cases if case.name in ran)
    return report.Run({**described, "others": watch.others()}, versions, options.rounds, options.seconds, generator, cases, tuple(segments),
                      tuple(notes))


def has_failed(run):
    """A figure of ours does not count. Its variants are no peers: they must give the right answers too."""
    ours = {server.name for case in CASES for server in case.servers if server.name.startswith(OURS)}
    return bool(run.notes) or any(one.problems for one in run.segments if one.server in ours)


def main(arguments):
    options = parse_arguments(arguments)
    if options.list:
        list_cases()
        return 0
    # Treated like an interrupt: servers are stopped and folders removed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if not options.no_build:
        prepare(options.jobs)
    with contextlib.ExitStack() as stack:
        try:
            other = options.against and stack.enter_context(against.built(ROOT, options.against, options.jobs))
        except against.CannotBuild as error:
            print(error, file=sys.stderr)
            return 1
        run = measure(options, other)
    print(report.as_text(run), end="")
    forms = {options.json: report.as_json, options.markdown: report.as_markdown, options.svg: report.as_svg}
    for path, form in forms.items():
        if path:
            path.write_text(form(run))
    return 1 if has_failed(run) else 0
