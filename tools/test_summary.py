#!/usr/bin/env python3
"""Counts what `bazel test` ran and prints 'N passed, N failed' as the last line.

Reads Bazel's build event file (one JSON object a line), which names every result and its log: runs, shards
and cached results included. A doctest program counts as its test cases, any other test as one.
"""

import argparse
import json
import re
import sys
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlparse

DOCTEST_SUMMARY = re.compile(r"\[doctest\] test cases:\s*\d+\s*\|\s*(\d+) passed\s*\|\s*(\d+) failed")
ANSI_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class Count(NamedTuple):
    passed: int = 0
    failed: int = 0


def add(one, other):
    return Count(one.passed + other.passed, one.failed + other.failed)


def count_log(log, test_passed):
    """The count of one run of one test, from its log and Bazel's result."""
    summaries = DOCTEST_SUMMARY.findall(ANSI_COLOUR.sub("", log))
    count = Count(sum(int(passed) for passed, _ in summaries), sum(int(failed) for _, failed in summaries))
    if test_passed:
        return count if summaries else Count(passed=1)
    # A crash or a timeout can end a program before its summary, or after a summary without failures.
    return Count(count.passed, max(1, count.failed))


def read_log(result):
    for output in result.get("testActionOutput", []):
        if output.get("name") == "test.log":
            path = Path(unquote(urlparse(output.get("uri", "")).path))
            return path.read_text(errors="replace") if path.is_file() else ""
    return ""


def describe(test_id):
    """'//tests/unit:codec_test', with run, shard and attempt if there are several."""
    parts = [f"{name} {test_id[name]}" for name in ("run", "shard", "attempt") if test_id.get(name, 1) > 1]
    return f"{test_id['label']} ({', '.join(parts)})" if parts else test_id["label"]


class Summary:
    def __init__(self):
        self.count = Count()
        self.failures = []  # one line each, in the order they were seen
        self._labels = set()  # targets that already have a failure

    def add_event(self, event):
        event_id = event.get("id", {})
        if "testResult" in event_id and "testResult" in event:
            self._add_result(event_id["testResult"], event["testResult"])
        elif "targetCompleted" in event_id:
            if not event.get("completed", {}).get("success"):
                self._add_unbuilt(event_id["targetCompleted"]["label"])

    def add_bazel_status(self, status):
        """Bazel can fail without naming a target: a wrong flag, a BUILD file that does not parse."""
        if status != 0 and self.count.failed == 0:
            self._fail(f"bazel itself, with exit status {status}", Count(failed=1))

    def _add_result(self, test_id, result):
        status = result.get("status", "NO_STATUS")
        count = count_log(read_log(result), status == "PASSED")
        if count.failed:
            self._labels.add(test_id["label"])
            self._fail(f"{describe(test_id)}: {status}, {count.failed} failed", count)
        else:
            self.count = add(self.count, count)

    def _add_unbuilt(self, label):
        if label not in self._labels:
            self._labels.add(label)
            self._fail(f"{label}: not built", Count(failed=1))

    def _fail(self, line, count):
        self.failures.append(line)
        self.count = add(self.count, count)


def summarize(lines, bazel_status):
    summary = Summary()
    for line in lines:
        try:
            summary.add_event(json.loads(line))
        except json.JSONDecodeError:
            break  # Bazel was killed in the middle of a line; its exit status counts as a failure
    summary.add_bazel_status(bazel_status)
    return summary


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bazel-status", type=int, required=True, help="exit status of bazel test")
    parser.add_argument("events", type=Path, help="file that --build_event_json_file wrote")
    options = parser.parse_args(arguments)

    # The file does not exist if Bazel refused its flags.
    lines = options.events.read_text().splitlines() if options.events.exists() else []
    summary = summarize(lines, options.bazel_status)
    for failure in summary.failures:
        print(f"failed: {failure}")
    passed, failed = summary.count
    if passed + failed == 0:
        print("no test ran")
    print(f"{passed} passed, {failed} failed")
    return 0 if passed > 0 and failed == 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
