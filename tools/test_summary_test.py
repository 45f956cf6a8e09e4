#!/usr/bin/env python3
"""The counts of test_summary.py, from event files like Bazel's and logs like doctest's."""

import contextlib
import io
import json
import tempfile
import unittest
from pathlib import Path

import test_summary
from test_summary import Count, count_log, summarize

FIVE_PASSED = "[doctest] test cases:  5 |  5 passed | 0 failed | 1 skipped\n[doctest] Status: SUCCESS!\n"
ONE_OF_FIVE_FAILED = "[doctest] test cases: 5 | 4 passed | 1 failed | 0 skipped\n"


class CountLog(unittest.TestCase):
    def test_doctest_counts_its_cases(self):
        self.assertEqual(count_log(FIVE_PASSED, True), Count(5, 0))
        self.assertEqual(count_log(ONE_OF_FIVE_FAILED, False), Count(4, 1))

    def test_colours_do_not_hide_a_summary(self):
        self.assertEqual(count_log("[doctest] test cases: \x1b[0;32m2 | 2 passed\x1b[0m | 0 failed |", True), Count(2, 0))

    def test_several_programs_in_one_log_are_added(self):
        self.assertEqual(count_log(FIVE_PASSED + FIVE_PASSED, True), Count(10, 0))

    def test_no_doctest_counts_as_one(self):
        self.assertEqual(count_log("Ran 12 tests in 0.1s\n\nOK\n", True), Count(1, 0))
        self.assertEqual(count_log("", False), Count(0, 1))

    def test_a_shard_without_cases_counts_nothing(self):
        self.assertEqual(count_log("[doctest] test cases: 0 | 0 passed | 0 failed | 0 skipped", True), Count(0, 0))

    def test_a_crash_after_a_good_summary_is_a_failure(self):
        self.assertEqual(count_log(FIVE_PASSED, False), Count(5, 1))

    def test_a_failed_case_counts_even_if_the_program_called_it_success(self):
        self.assertEqual(count_log(ONE_OF_FIVE_FAILED, True), Count(4, 1))


class Events(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.logs = 0

    def result(self, label, status, log, **numbers):
        self.logs += 1
        path = self.folder / f"a log {self.logs}"  # the space is %20 in the address
        path.write_text(log)
        return {
            "id": {"testResult": {"label": label, **numbers}},
            "testResult": {
                "status": status,
                "testActionOutput": [
                    {"name": "test.xml", "uri": "file:///nowhere"},
                    {"name": "test.log", "uri": path.as_uri()},
                ],
            },
        }

    @staticmethod
    def completed(label, success):
        event = {"id": {"targetCompleted": {"label": label}}, "completed": {}}
        if success:
            event["completed"]["success"] = True
        return event

    @staticmethod
    def summary(events, bazel_status=0):
        return summarize([json.dumps(event) for event in events], bazel_status)

    def test_runs_and_shards_are_added(self):
        events = [self.result("//a:t", "PASSED", FIVE_PASSED, run=run, shard=1) for run in (1, 2, 3)]
        self.assertEqual(self.summary(events).count, Count(15, 0))

    def test_a_failed_run_is_named(self):
        events = [
            self.result("//a:t", "PASSED", FIVE_PASSED, run=1),
            self.result("//a:t", "FAILED", ONE_OF_FIVE_FAILED, run=2),
        ]
        summary = self.summary(events, bazel_status=3)
        self.assertEqual(summary.count, Count(9, 1))
        self.assertEqual(summary.failures, ["//a:t (run 2): FAILED, 1 failed"])

    def test_a_timeout_counts_as_failed(self):
        self.assertEqual(self.summary([self.result("//a:t", "TIMEOUT", "")], 3).count, Count(0, 1))

    def test_a_result_without_log_counts_by_its_status(self):
        event = {"id": {"testResult": {"label": "//a:t"}}, "testResult": {"status": "FAILED_TO_BUILD"}}
        self.assertEqual(self.summary([event], 3).count, Count(0, 1))

    def test_a_target_that_does_not_build_counts_once(self):
        events = [self.completed("//a:good", True), self.completed("//a:bad", False)]
        self.assertEqual(self.summary(events, 1).count, Count(0, 1))

    def test_a_target_that_was_not_analysed_counts(self):
        event = {"id": {"targetCompleted": {"label": "//a:t"}}, "aborted": {"reason": "ANALYSIS_FAILURE"}}
        self.assertEqual(self.summary([event], 1).count, Count(0, 1))

    def test_bazel_that_names_no_target_counts_as_one_failure(self):
        summary = self.summary([self.result("//a:t", "PASSED", FIVE_PASSED)], bazel_status=1)
        self.assertEqual(summary.count, Count(5, 1))

    def test_a_torn_last_line_keeps_what_came_before(self):
        line = json.dumps(self.result("//a:t", "PASSED", FIVE_PASSED))
        self.assertEqual(summarize([line, line[:40]], 8).count, Count(5, 1))


class Main(unittest.TestCase):
    def run_main(self, events, status):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "events")
            path.write_text("\n".join(json.dumps(event) for event in events))
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                code = test_summary.main(["--bazel-status", str(status), str(path)])
        return code, out.getvalue().splitlines()[-1]

    def test_last_line_and_exit_status(self):
        passed = {"id": {"testResult": {"label": "//a:t"}}, "testResult": {"status": "PASSED"}}
        self.assertEqual(self.run_main([passed], 0), (0, "1 passed, 0 failed"))
        self.assertEqual(self.run_main([passed], 1), (1, "1 passed, 1 failed"))

    def test_nothing_ran_is_no_success(self):
        self.assertEqual(self.run_main([], 0), (1, "0 passed, 0 failed"))
        self.assertEqual(self.run_main([], 4), (1, "0 passed, 1 failed"))


if __name__ == "__main__":
    unittest.main()
