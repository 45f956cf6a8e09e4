#!/usr/bin/python3
"""preforkd of another commit: it is built apart, leaves nothing behind, and is measured like that of this tree."""

import contextlib
import io
import os
import subprocess
import tempfile
import unittest
import unittest.mock
from pathlib import Path

import against
import command_line
from cases import CASES
from metrics import METRICS
from servers.server import Order
from summary import OURS

# Makes the programs as Bazel would, from one file of the tree, and tells how it was called.
BAZEL = """#!/bin/sh
echo "$@" > "$BAZEL_CALLED"
test -f broken && echo "no such target" && exit 1
mkdir -p bazel-bin/tools/benchmark
for program in preforkd_measured measured_event.so measured_blocking.so; do
    cp source bazel-bin/tools/benchmark/$program
done
"""


class Repository:
    """With three commits: `source` says "one"; "two"; and `broken`, which cannot be built."""

    def __init__(self, folder):
        self.root = folder / "repository"
        self.root.mkdir()
        self.git("init", "--quiet")
        self.one = self.commit("source", "one")
        self.two = self.commit("source", "two")
        self.broken = self.commit("broken", "")

    def git(self, *words):
        return subprocess.run(["git", "-C", self.root, "-c", "user.name=t", "-c", "user.email=t@t.example", *words],
                              check=True, capture_output=True, text=True).stdout.strip()

    def commit(self, file, text):
        (self.root / file).write_text(text)
        self.git("add", file)
        self.git("commit", "--quiet", "-m", text or "broken")
        return self.git("rev-parse", "HEAD")


class Built(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        programs = self.folder / "bin"
        programs.mkdir()
        (programs / "bazel").write_text(BAZEL)
        (programs / "bazel").chmod(0o755)
        self.called = self.folder / "called"
        self.environment = {"PATH": f"{programs}:{os.environ['PATH']}", "BAZEL_CALLED": str(self.called)}
        self.repository = Repository(self.folder)

    def run_with_bazel(self, name, jobs=None):
        """What the programs of that commit hold, and where they were."""
        with unittest.mock.patch.dict(os.environ, self.environment), contextlib.redirect_stderr(io.StringIO()):
            with against.built(self.repository.root, against.resolve(self.repository.root, name), jobs) as programs:
                return {(programs / program).read_text() for program in against.PROGRAMS}, programs

    def assert_nothing_left(self):
        self.assertEqual(len(self.repository.git("worktree", "list").splitlines()), 1)

    def test_a_commit_is_found_by_any_name(self):
        for name in "HEAD~2", self.repository.one, self.repository.one[:10]:
            commit = against.resolve(self.repository.root, name)
            self.assertEqual(commit.full, self.repository.one)
            self.assertTrue(commit.full.startswith(commit.short))
            self.assertEqual(commit.name, f"{OURS}-{commit.short}")

    def test_what_is_no_commit_is_named(self):
        for name in "nothing", "HEAD:source", "--help", "":
            with self.assertRaisesRegex(ValueError, f"no commit {name}"):
                against.resolve(self.repository.root, name)

    def test_the_programs_are_those_of_the_commit_and_gone_afterwards(self):
        said, programs = self.run_with_bazel("HEAD~2")
        self.assertEqual(said, {"one"})
        self.assertFalse(programs.exists())
        self.assert_nothing_left()
        self.assertEqual((self.repository.root / "source").read_text(), "two")  # the tree itself is as it was

    def test_bazel_is_told_to_leave_nothing_running(self):
        self.run_with_bazel("HEAD~1", jobs=2)
        words = self.called.read_text().split()
        self.assertEqual(words[0], "--batch")
        self.assertIn("--config=opt", words)
        self.assertIn("--jobs=2", words)
        self.assertIn("//tools/benchmark:preforkd_measured", words)

    def test_a_commit_that_cannot_be_built_is_said_with_the_output(self):
        with self.assertRaisesRegex(against.CannotBuild, "no such target"):
            self.run_with_bazel("HEAD")
        self.assert_nothing_left()


class Servers(unittest.TestCase):
    COMMIT = against.Commit("0123456789abcdef", "0123456")

    def test_it_is_the_only_peer_unless_others_are_named(self):
        for case in CASES:
            names = [server.name for server in command_line.servers_of(case, None, self.COMMIT)]
            self.assertEqual(names, [OURS, "preforkd-0123456"])
        names = [server.name for server in command_line.servers_of(CASES[0], ["nginx"], self.COMMIT)]
        self.assertEqual(names, [OURS, "preforkd-0123456", "nginx"])

    def test_it_is_set_up_like_ours_with_its_own_programs(self):
        for case in CASES:
            order = Order(Path("/run/folder"), Path("/run/root"), 12345, case.workers, case.connections, case.kept, False,
                          Path("/run/tls") if case.tls else None, "www-data", Path("/run/programs"))
            ours, other = command_line.servers_of(case, None, self.COMMIT)
            launch = ours.launch(order)
            expected = [word.replace("/run/programs", "/run/programs/preforkd-0123456") for word in launch.arguments]
            self.assertEqual(other.launch(order).arguments, expected)
            self.assertEqual("".join(other.launch(order).files.values()),
                             "".join(launch.files.values()).replace("/run/programs", "/run/programs/preforkd-0123456"))
            self.assertEqual(other.version[0], "{programs}/preforkd-0123456/preforkd_measured")
            self.assertEqual(other.offers, ours.offers)

    def test_every_figure_that_can_have_a_ratio_gets_one(self):
        for case in map(against.comparing, CASES):
            self.assertEqual(set(case.ratios), {key for key in case.columns if METRICS[key].ratio})

    def test_a_commit_that_does_not_exist_is_a_wrong_command_line(self):
        said = io.StringIO()
        with contextlib.redirect_stderr(said), self.assertRaises(SystemExit) as end:
            command_line.parse_arguments(["--against", "no-such-commit"])
        self.assertEqual(end.exception.code, 64)
        self.assertIn("no commit no-such-commit", said.getvalue())


if __name__ == "__main__":
    unittest.main()
