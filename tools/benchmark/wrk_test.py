#!/usr/bin/python3
"""The command line of wrk fits the load, and the output of wrk_load.lua is parsed."""

import unittest

import wrk
from load import Load, UnreadableReport

OUTPUT = """Running 1s test @ http://127.0.0.1:8080/hello
  2 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.02ms    1.41ms  20.18ms   89.01%
    Req/Sec    20.99k     2.50k   26.11k    66.67%
  42000 requests in 1.01s, 6.01MB read
  Socket errors: connect 0, read 3, write 0, timeout 0
Requests/sec:  41583.10
Transfer/sec:      5.95MB
bench {"requests": 42000, "seconds": 1.010000, "bytes": 6300000, "p50": 0.8700, "p99": 10.4800, "p999": 14.7400, \
"connect": 0, "read": 3, "write": 0, "status": 0, "timeout": 0}
"""


class Command(unittest.TestCase):
    def test_a_plain_load_has_two_threads_and_no_extras(self):
        arguments, environment = wrk.command(Load(64), 8080, 2)
        self.assertEqual(arguments[:4], ["wrk", "-t2", "-c64", "-d2s"])
        self.assertEqual(arguments[-1], "http://127.0.0.1:8080/hello")
        self.assertEqual(environment, {})

    def test_one_client_is_one_thread(self):
        self.assertIn("-t1", wrk.command(Load(1), 8080, 2)[0])

    def test_the_script_is_told_how_clients_ask(self):
        load = Load(8, "/1k.bin", close=True, pipeline=16, delay_ms=400)
        self.assertEqual(wrk.command(load, 8080, 2)[1],
                         {"BENCH_CLOSE": "1", "BENCH_PIPELINE": "16", "BENCH_DELAY": "400"})

    def test_with_tls_it_is_asked_over_https_for_kept_connections_only(self):
        self.assertEqual(wrk.command(Load(8, tls=True), 8443, 2)[0][-1], "https://127.0.0.1:8443/hello")
        self.assertTrue(wrk.can(Load(8, tls=True)))
        self.assertFalse(wrk.can(Load(8, close=True, tls=True)))

    def test_the_script_is_there_and_reads_what_it_is_told(self):
        script = wrk.SCRIPT.read_text()
        for name in ("BENCH_CLOSE", "BENCH_PIPELINE", "BENCH_DELAY"):
            self.assertIn(f'os.getenv("{name}")', script)


class Parse(unittest.TestCase):
    def test_everything_is_read(self):
        report = wrk.parse(OUTPUT)
        self.assertEqual((report.requests, report.seconds, report.bytes), (42000, 1.01, 6300000))
        self.assertEqual(report.percentiles, {"p50": 0.87, "p99": 10.48, "p999": 14.74})
        self.assertEqual(report.errors, {"read": 3})

    def test_what_wrk_says_when_it_cannot_start_is_shown(self):
        with self.assertRaisesRegex(UnreadableReport, "unable to connect"):
            wrk.parse("unable to connect to 127.0.0.1:8080 Connection refused\n")


class Problems(unittest.TestCase):
    def test_errors_are_problems(self):
        self.assertEqual(wrk.parse(OUTPUT).problems(150), ["read errors: 3"])

    def test_answers_that_are_too_short_are_found(self):
        report = wrk.parse(OUTPUT.replace('"read": 3', '"read": 0'))
        self.assertEqual(report.problems(150), [])
        self.assertEqual(report.problems(151), ["answers are too short: 150 bytes instead of 151"])

    def test_no_answer_at_all_is_one(self):
        report = wrk.parse(OUTPUT.replace('"requests": 42000', '"requests": 0').replace('"read": 3', '"read": 0'))
        self.assertEqual(report.problems(150), ["no request was answered"])


if __name__ == "__main__":
    unittest.main()
