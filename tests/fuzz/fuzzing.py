"""The command tools/fuzz: builds the targets of tests/fuzz with libFuzzer, runs each for some time, and says what came
of it.

What a session learns stays outside of the tree, in a folder of the user: corpus/TARGET, where the next session goes on,
and findings/TARGET: inputs that broke something, and the log of the run. --keep takes what is worth keeping into
tests/fuzz/corpus, which the ordinary suite runs.
"""

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = ROOT / "tests/fuzz"
WRONG_COMMAND_LINE = 64
MAX_FILES = 190  # of a target's corpus in the tree

_EPILOG = """\
It exits with 1 when a target had a finding, and with 64 for a wrong command line.

To see a finding again:   bazel-bin/tests/fuzz/TARGET_fuzzer FILE
after                     bazel build --config=fuzz //tests/fuzz:TARGET_fuzzer
A finding is mended in the product, and becomes a row of the table of tests that should have had it; its file goes into
tests/fuzz/corpus/TARGET.
"""

# Of an input, in bytes: long enough for what the target does with one.
_LENGTHS = {"config": 8192, "hello": 8192, "http": 3072, "module": 2048, "proxy": 1024, "files": 1024}
_LENGTH = 4096


class Result(NamedTuple):
    """What libFuzzer said of one run."""

    executions: int = 0
    per_second: int = 0
    edges: int = 0
    all_edges: int = 0
    inputs: int = 0
    found: str = ""  # the file of a finding, or why the run ended; "": nothing


def targets():
    return sorted(path.name[:-len("_fuzz.cc")] for path in FOLDER.glob("*_fuzz.cc"))


def read_log(text, code):
    """`code`: the exit code of the fuzzer."""

    def last(pattern):
        numbers = re.findall(pattern, text)
        return int(numbers[-1]) if numbers else 0

    found = re.findall(r"Test unit written to (\S+)", text)
    why = found[-1] if found else f"exit code {code}, see the log" if code else ""
    return Result(last(r"stat::number_of_executed_units: +(\d+)") or last(r"(?m)^#(\d+)"),
                  last(r"stat::average_exec_per_sec: +(\d+)") or last(r"exec/s: (\d+)"), last(r"\bcov: (\d+)"),
                  last(r"\((\d+) inline 8-bit counters\)"), last(r"\bcorp: (\d+)"), why)


def table_of(results):
    """`results`: by target."""
    lines = [f"{'target':10} {'executions':>12} {'a second':>9} {'edges':>14} {'inputs':>7}  finding"]
    for name, each in results.items():
        edges = f"{each.edges}/{each.all_edges}"
        lines.append(f"{name:10} {each.executions:12,} {each.per_second:9,} {edges:>14} {each.inputs:7}  "
                     f"{each.found or 'none'}")
    return "\n".join(lines)


def build(names, config="fuzz"):
    """The programs, by target. Not by the link that leads to them: the next build changes it."""
    labels = [f"//tests/fuzz:{name}_fuzzer" for name in names]
    subprocess.run(["bazel", "build", f"--config={config}", *labels], cwd=ROOT, check=True, stdin=subprocess.DEVNULL)
    return {name: (ROOT / f"bazel-bin/tests/fuzz/{name}_fuzzer").resolve(strict=True) for name in names}


def environment():
    return {**os.environ, "ASAN_OPTIONS": "detect_leaks=1", "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1"}


def common_options(name):
    options = [f"-max_len={_LENGTHS.get(name, _LENGTH)}", "-timeout=30", "-rss_limit_mb=1500"]
    dictionary = FOLDER / f"dictionaries/{name}.dict"
    return options + ([f"-dict={dictionary}"] if dictionary.exists() else [])


def run(name, program, seconds, folder):
    corpus, findings = folder / "corpus" / name, folder / "findings" / name
    for each in (corpus, findings):
        each.mkdir(parents=True, exist_ok=True)
    command = [program, f"-max_total_time={seconds}", "-print_final_stats=1", f"-artifact_prefix={findings}/",
               *common_options(name), corpus, FOLDER / "corpus" / name]
    log = findings / "log"
    with log.open("wb") as output:
        code = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=findings,
                              env=environment(), check=False).returncode
    text = log.read_text(errors="replace")
    result = read_log(text, code)
    if result.found:
        print("\n".join(text.splitlines()[-60:]), file=sys.stderr)
    return result


def choose(control, named, most):
    """The files that reach the most, at most so many. `control`: what libFuzzer has written of a merge: the number of
    files, that of the first corpus, the files, and for each a line "FT NUMBER FEATURE...". `named` are chosen first."""
    lines = control.splitlines()
    files = lines[2:2 + int(lines[0])]
    reached = {}
    for line in lines[2 + len(files):]:
        if line.startswith("FT "):
            number, *features = map(int, line.split()[1:])
            reached[files[number]] = set(features)
    chosen = [path for path in files if path in named]
    left = {path: features for path, features in reached.items() if path not in named}
    covered = set().union(*(reached.get(path, set()) for path in chosen))
    while left and len(chosen) < most:
        # Of those that reach the same, the smallest: libFuzzer lists them by size.
        best = max(left, key=lambda path: len(left[path] - covered))
        if not left[best] - covered:
            break
        covered |= left.pop(best)
        chosen.append(best)
    return chosen


def keep(name, program, folder):
    """Replaces the corpus in the tree by few inputs that reach the same edges as all that are known. Files with a name of
    their own stay: a test may need them."""
    tree, corpus = FOLDER / "corpus" / name, folder / "corpus" / name
    corpus.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        control, empty = Path(work) / "control", Path(work) / "empty"
        empty.mkdir()
        # Without counters an edge that is reached is a feature, and not how often.
        subprocess.run([program, "-set_cover_merge=1", "-use_counters=0", f"-merge_control_file={control}",
                        *common_options(name), empty, tree, corpus], check=True, stdin=subprocess.DEVNULL,
                       capture_output=True, env=environment())
        named = {str(path) for path in tree.iterdir() if not re.fullmatch(r"[0-9a-f]{40}", path.name)}
        chosen = [Path(path) for path in choose(control.read_text(), named, MAX_FILES)]
    contents = {hashlib.sha1(path.read_bytes()).hexdigest(): path.read_bytes() for path in chosen if str(path) not in named}
    for path in tree.iterdir():
        if str(path) not in named:
            path.unlink()
    for digest, content in contents.items():
        (tree / digest).write_bytes(content)
    files = list(tree.iterdir())
    print(f"{name}: {len(files)} files, {sum(path.stat().st_size for path in files)} bytes")


def coverage(names, folder):
    """Which lines of the product the corpora of the tree and of the user reach, by file."""
    programs = build(names, "fuzz_coverage")
    with tempfile.TemporaryDirectory() as raw:
        for name, program in programs.items():
            corpora = [FOLDER / "corpus" / name] + [each for each in [folder / "corpus" / name] if each.is_dir()]
            subprocess.run([program, "-runs=0", *common_options(name), *corpora], check=True, stdin=subprocess.DEVNULL,
                           capture_output=True, env={**os.environ, "LLVM_PROFILE_FILE": f"{raw}/{name}.profraw"})
        subprocess.run(["llvm-profdata", "merge", "-o", f"{raw}/all", *sorted(Path(raw).glob("*.profraw"))], check=True)
        first, *others = programs.values()
        summary = subprocess.run(["llvm-cov", "export", "-summary-only", f"-instr-profile={raw}/all", first,
                                  *(each for other in others for each in ("-object", other))],
                                 check=True, capture_output=True, text=True).stdout
    print(coverage_table(json.loads(summary)))


def coverage_table(summary):
    """`summary`: what llvm-cov exports. Of the product's files that a target links."""
    lines = []
    total = covered = 0
    for each in summary["data"][0]["files"]:
        path = re.search(r"(?:^|/)((?:common|worker|master)/.*)", each["filename"])
        if not path or "/tests/" in each["filename"] or each["filename"].startswith("/usr/"):
            continue
        counts = each["summary"]["lines"]
        total, covered = total + counts["count"], covered + counts["covered"]
        lines.append(f"{counts['covered']:6}/{counts['count']:<6} {counts['percent']:5.1f} %  {path[1]}")
    percent = 100 * covered / total if total else 0
    return "\n".join([*sorted(lines, key=lambda line: line.split()[-1]), f"{covered:6}/{total:<6} {percent:5.1f} %  all"])


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        self.print_usage(sys.stderr)
        self.exit(WRONG_COMMAND_LINE, f"{self.prog}: {message}\n")


def parse_arguments(arguments):
    parser = _Parser(prog="tools/fuzz", epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
                     description="Runs the fuzz targets with libFuzzer, under the sanitizers of addresses and of "
                                 "undefined behaviour.\nInstalls what is missing (tools/setup fuzz) and builds first.")
    parser.add_argument("arguments", nargs="*", metavar="[SECONDS] [TARGET...]",
                        help=f"of each target (60); default: all of {' '.join(targets())}")
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "preforkd-fuzz"
    parser.add_argument("--folder", type=Path, default=default, help=f"for what is found and learnt ({default})")
    parser.add_argument("--keep", action="store_true", help="take what was learnt into the tree, as little as reaches all")
    parser.add_argument("--coverage", action="store_true", help="show which lines of each file were reached; builds again")
    options = parser.parse_args(arguments)
    options.seconds = 60
    options.targets = options.arguments
    if options.arguments and options.arguments[0].isdigit():
        options.seconds, options.targets = int(options.arguments[0]), options.arguments[1:]
    for name in options.targets:
        if name not in targets():
            parser.error(f"no target {name}; there are {' '.join(targets())}")
    options.targets = options.targets or targets()
    options.folder = options.folder.absolute()
    return options


def main(arguments):
    options = parse_arguments(arguments)
    subprocess.run([ROOT / "tools/setup", "fuzz"], check=True)
    programs = build(options.targets)
    results = {}
    for name, program in programs.items():
        if options.seconds:
            print(f"{name}, {options.seconds} s", flush=True)
            results[name] = run(name, program, options.seconds, options.folder)
        if options.keep and not (name in results and results[name].found):
            keep(name, program, options.folder)
    if results:
        print(table_of(results))
    if options.coverage:
        coverage(options.targets, options.folder)
    return 1 if any(each.found for each in results.values()) else 0
