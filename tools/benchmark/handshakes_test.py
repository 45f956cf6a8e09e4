#!/usr/bin/python3
"""The command line of handshake_load fits the load, and its output is parsed."""

import unittest

import handshakes
from load import Load, UnreadableReport

OUTPUT = """bench {"requests": 2100, "seconds": 1.010000, "bytes": 315000, "p50": 24.1000, "p99": 60.2000, \
"p999": 71.0000, "connect": 0, "handshake": 2, "read": 0, "status": 0, "kind": 1}
"""
FULL = Load(64, close=True, tls=True)


class Command(unittest.TestCase):
    def test_a_full_handshake_each_time(self):
        command, environment = handshakes.command(FULL, 8443, 2)
        self.assertEqual(command[:7], ["handshake_load", "127.0.0.1:8443", "/hello", "64", "2", "0", "full"])
        self.assertEqual(environment, {})

    def test_resumption_and_a_rate(self):
        command, _ = handshakes.command(Load(8, close=True, tls=True, resume=True, rate=200), 8443, 2)
        self.assertEqual(command[3:7], ["8", "2", "200", "resume"])

    def test_it_is_asked_for_short_connections_with_tls_only(self):
        self.assertTrue(handshakes.can(FULL))
        self.assertFalse(handshakes.can(Load(64, close=True)))
        self.assertFalse(handshakes.can(Load(64, tls=True)))


class Parse(unittest.TestCase):
    def test_everything_is_read(self):
        report = handshakes.parse(OUTPUT)
        self.assertEqual((report.requests, report.seconds, report.bytes), (2100, 1.01, 315000))
        self.assertEqual(report.percentiles, {"p50": 24.1, "p99": 60.2, "p999": 71.0})

    def test_another_kind_of_handshake_is_a_problem(self):
        self.assertEqual(handshakes.parse(OUTPUT).problems(150), ["handshake errors: 2", "kind errors: 1"])

    def test_what_it_says_when_it_cannot_start_is_shown(self):
        with self.assertRaisesRegex(UnreadableReport, "handshake_load printed no measurement: usage:"):
            handshakes.parse("usage: handshake_load ...\n")


if __name__ == "__main__":
    unittest.main()
