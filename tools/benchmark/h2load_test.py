#!/usr/bin/python3
"""The output of h2load 1.52 is parsed."""

import unittest

import h2load
from load import Load, UnreadableReport

OUTPUT = """starting benchmark...
finished in 1.01s, 60210.00 req/s, 9.36MB/s
requests: 60210 total, 60274 started, 60210 done, 60208 succeeded, 2 failed, 1 errored, 0 timeout
status codes: 60207 2xx, 0 3xx, 1 4xx, 0 5xx
traffic: 9.36MB (9813942) total, 6.20MB (6502680) headers (space savings 0.00%), 764.38KB (782730) data
                     min         max         mean         sd        +/- sd
time for request:       25us     12.13ms       1.04ms      1.31ms    91.01%
"""


class Parse(unittest.TestCase):
    def test_everything_is_read(self):
        report = h2load.parse(OUTPUT)
        self.assertEqual((report.requests, report.seconds, report.bytes), (60208, 1.01, 9813942))
        self.assertEqual(report.percentiles, {})
        self.assertEqual(report.errors, {"failed": 2, "errored": 1, "status": 1})

    def test_units_of_time(self):
        self.assertAlmostEqual(h2load.parse(OUTPUT.replace("1.01s", "998.71ms")).seconds, 0.99871)

    def test_what_is_no_report_is_refused(self):
        with self.assertRaises(UnreadableReport):
            h2load.parse("starting benchmark...\nconnect failed\n")


class Command(unittest.TestCase):
    def test_pipelining_is_its_number_of_streams(self):
        self.assertIn("-m16", h2load.command(Load(64, pipeline=16), 8080, 1)[0])

    def test_it_is_not_asked_for_what_it_cannot(self):
        self.assertTrue(h2load.can(Load(64)))
        self.assertFalse(h2load.can(Load(64, close=True)))
        self.assertFalse(h2load.can(Load(64, delay_ms=400)))


if __name__ == "__main__":
    unittest.main()
