#!/usr/bin/env python3
"""What the table of the micro-benchmarks makes of the reports of strace and of Google Benchmark."""

import unittest
from importlib.machinery import SourceFileLoader
from pathlib import Path

table = SourceFileLoader("table", str(Path(__file__).with_name("table"))).load_module()

FEW = """% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 50.00    0.002000           2       110           close
 50.00    0.001000          20        50        30 openat
  0.00    0.000000           0         1           epoll_wait
------ ----------- ----------- --------- --------- ----------------
100.00    0.003000           3       161        30 total
"""
MANY = FEW.replace("       110           close", "       510           close").replace("epoll_wait", "brk")


class Table(unittest.TestCase):
    def test_strace_with_and_without_errors(self):
        self.assertEqual(table.parse_strace(FEW), {"close": 110, "openat": 50, "epoll_wait": 1})

    def test_only_what_the_rounds_add_is_counted(self):
        calls = table.per_operation(table.parse_strace(FEW), table.parse_strace(MANY), 400)
        self.assertEqual(calls, {"close": 1.0})

    def test_time_is_per_operation(self):
        report = """{"benchmarks": [
            {"name": "hand over/iterations:100", "cpu_time": 8000.0, "items_per_second": 1e6},
            {"name": "parse", "cpu_time": 500.0, "items_per_second": 2e6}]}"""
        self.assertEqual(table.parse_times(report), [("hand over", 1000.0, 8), ("parse", 500.0, 1)])

    def test_one_benchmark_and_no_other(self):
        self.assertEqual(table.exactly("take, 1 (x)"), r"^take, 1 \(x\)(/|$)")

    def test_a_row(self):
        self.assertEqual(table.row("x", 12.4, {"close": 1.0, "recvmsg": 1.0}),
                         "| x | 12 | 2.00 | close 1.00, recvmsg 1.00 |")


if __name__ == "__main__":
    unittest.main()
