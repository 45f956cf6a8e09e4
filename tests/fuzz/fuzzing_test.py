#!/usr/bin/python3
"""What tools/fuzz reads in the log of libFuzzer, and its command line. No fuzzer runs here."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).absolute().parent))

import fuzzing  # noqa: E402

CLEAN = """\
INFO: Loaded 1 modules   (5221 inline 8-bit counters): 5221 [0x5, 0x6),
#2\tINITED cov: 312 ft: 313 corp: 1/1b exec/s: 0 rss: 50Mb
#4096\tNEW    cov: 400 ft: 500 corp: 12/300b lim: 40 exec/s: 2048 rss: 60Mb
#9000\tDONE   cov: 420 ft: 612 corp: 20/400b lim: 40 exec/s: 3000 rss: 60Mb
Done 9000 runs in 3 second(s)
stat::number_of_executed_units: 9000
stat::average_exec_per_sec:     3000
"""
CRASHED = """\
INFO: Loaded 1 modules   (5221 inline 8-bit counters): 5221 [0x5, 0x6),
#4096\tNEW    cov: 400 ft: 500 corp: 12/300b lim: 40 exec/s: 2048 rss: 60Mb
==1== ERROR: libFuzzer: deadly signal
artifact_prefix='/f/'; Test unit written to /f/crash-da39a3ee
stat::number_of_executed_units: 5000
stat::average_exec_per_sec:     2500
"""


class Log(unittest.TestCase):
    def test_a_run_without_a_finding(self):
        self.assertEqual(fuzzing.read_log(CLEAN, 0), fuzzing.Result(9000, 3000, 420, 5221, 20, ""))

    def test_a_finding(self):
        self.assertEqual(fuzzing.read_log(CRASHED, 77).found, "/f/crash-da39a3ee")
        self.assertEqual(fuzzing.read_log(CRASHED, 77).executions, 5000)

    def test_a_fuzzer_that_did_not_start_is_a_finding(self):
        self.assertIn("exit code 127", fuzzing.read_log("", 127).found)

    def test_a_run_that_was_interrupted_has_no_statistics(self):
        result = fuzzing.read_log("\n".join(CLEAN.splitlines()[:3]), 0)
        self.assertEqual((result.executions, result.per_second), (4096, 2048))

    def test_the_table_names_each_target_and_its_finding(self):
        table = fuzzing.table_of({"http": fuzzing.read_log(CRASHED, 77), "proxy": fuzzing.read_log(CLEAN, 0)})
        self.assertRegex(table, r"(?m)^http +5,000 +2,500 +400/5221 +12  /f/crash-da39a3ee$")
        self.assertRegex(table, r"(?m)^proxy +9,000 +3,000 +420/5221 +20  none$")


MERGED = """\
5
0
/c/small
/c/twice
/c/named
/c/large
/c/all
STARTED 0 1
FT 0 1
STARTED 1 2
FT 1 1
STARTED 2 3
FT 2 7
STARTED 3 4
FT 3 1 2 3 7
STARTED 4 5
FT 4 1 2 4
COV 4 9
"""


class Choice(unittest.TestCase):
    def test_as_few_as_reach_all(self):
        self.assertEqual(fuzzing.choose(MERGED, {"/c/named"}, 9), ["/c/named", "/c/large", "/c/all"])

    def test_at_most_so_many(self):
        self.assertEqual(fuzzing.choose(MERGED, {"/c/named"}, 2), ["/c/named", "/c/large"])


class Coverage(unittest.TestCase):
    def test_lines_of_the_product(self):
        def one(name, covered):
            return {"filename": name, "summary": {"lines": {"count": 10, "covered": covered, "percent": 10 * covered}}}

        files = [one("/proc/self/cwd/worker/b.cc", 5), one("/proc/self/cwd/common/a.h", 10), one("/usr/include/common/x", 1),
                 one("/proc/self/cwd/tests/worker/t.cc", 1)]
        self.assertEqual(fuzzing.coverage_table({"data": [{"files": files}]}).split(),
                         "10/10 100.0 % common/a.h 5/10 50.0 % worker/b.cc 15/20 75.0 % all".split())


class CommandLine(unittest.TestCase):
    def setUp(self):
        self.known = fuzzing.targets
        fuzzing.targets = lambda: ["http", "proxy"]
        self.addCleanup(setattr, fuzzing, "targets", self.known)

    def test_seconds_and_targets(self):
        options = fuzzing.parse_arguments(["5", "proxy"])
        self.assertEqual((options.seconds, options.targets), (5, ["proxy"]))

    def test_defaults(self):
        options = fuzzing.parse_arguments([])
        self.assertEqual((options.seconds, options.targets), (60, ["http", "proxy"]))

    def test_an_unknown_target(self):
        with self.assertRaises(SystemExit) as ended:
            fuzzing.parse_arguments(["htpp"])
        self.assertEqual(ended.exception.code, fuzzing.WRONG_COMMAND_LINE)


if __name__ == "__main__":
    unittest.main()
