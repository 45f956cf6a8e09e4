#!/usr/bin/python3
"""A run is written as text, Markdown, JSON and SVG, each complete; all name the rounds that do not count."""

import json
import os
import subprocess
import sys
import time
import unittest
from xml.etree import ElementTree

import machine
import report
from cases import CASES
from summary import Segment

MACHINE = {"date": "2026-11-24 09:00 UTC", "cpu": "A <fast> CPU", "cores": 2, "virtual": True, "kernel": "Linux 6.1",
           "load_average": 0.1, "others": 0.01}


def load(case, number, server, cpu, problems=()):
    values = {"rps": 1e6 / cpu, "cpu": cpu / 1e6, "p50": 0.5, "p99": 2.25, "p999": 9.5, "pss": 5 * 1024**2}
    return Segment(case, number, server, values, problems)


def a_run(*more, **changes):
    segments = (
        *(load("short-64", number, server, cpu) for number, ours in ((1, 7.0), (2, 7.1))
          for server, cpu in (("preforkd", ours), ("nginx", 10.0), ("gunicorn", 210.0))),
        Segment("blocking-2", 1, "preforkd", {"p50": 0.2, "p99": 1.0, "p999": 4.0, "worst": 5.0}),
        Segment("blocking-2", 1, "nginx-perl", {"p50": 0.2, "p99": 4.0, "p999": 50.0, "worst": 51.0}),
        *more,
    )
    ran = {segment.case for segment in segments}
    cases = tuple((case, tuple(server.name for server in case.servers)) for case in CASES if case.name in ran)
    return report.Run(**{"machine": MACHINE, "versions": {"nginx": "1.22.1"}, "rounds": 2, "seconds": 1,
                         "generator": "wrk 4.1.0", "cases": cases, "segments": segments, **changes})


class Text(unittest.TestCase):
    def test_medians_ratios_and_goals(self):
        said = report.as_text(a_run())
        self.assertRegex(said, r"(?m)^  nginx +100,000 +10\.00 +0\.50 +2\.25 +9\.50 +5\.0$")
        # 0.70 and 0.71.
        self.assertIn("to nginx: CPU per request 0.70 (0.70 to 0.71), goal <= 0.72: met; throughput 1.42", said)
        self.assertIn("p99.9 0.08, goal <= 0.5: met", said)
        self.assertNotIn("warning", said)

    def test_the_best_of_some_has_ratios_and_no_figures(self):
        p99 = {"preforkd": 5.0, "uwsgi": 50.0, "gunicorn-gthread": 200.0, "uwsgi-400": 4.0}
        segments = [Segment("blocking-kept", 1, name, {"p50": 1.0, "p99": value, "failed": 0.25, "held": 400})
                    for name, value in p99.items()]
        self.assertIn("preforkd to the best with as many workers: p99 0.10, goal <= 0.2: met",
                      report.as_text(a_run(*segments)))
        self.assertRegex(report.as_text(a_run(*segments)), r"(?m)^  uwsgi-400 +1\.00 +4\.00 +- +25\.00 +400 +-$")
        self.assertIn("| the best with as many workers |  |  |  |  |  |  | 0.10, goal <= 0.2: met |  |",
                      report.as_markdown(a_run(*segments)))

    def test_a_limit_of_our_own_is_judged(self):
        for idle, judged in ((412.0, "met"), (612.0, "missed")):
            segment = Segment("tls-memory", 1, "preforkd", {"pss_0": 5e6, "idle_bytes": idle})
            said = f"preforkd: bytes/idle connection {idle:.0f}, limit 600: {judged}"
            self.assertIn(said, report.as_text(a_run(segment)))
            self.assertIn(said, report.as_markdown(a_run(segment)))
        self.assertNotIn("limit", report.as_text(a_run(Segment("tls-memory", 1, "nginx", {"idle_bytes": 16000.0}))))

    def test_columns_are_aligned(self):
        lines = report.as_text(a_run()).splitlines()
        start = next(number for number, line in enumerate(lines) if line.startswith("short-64:"))
        self.assertEqual(len({len(line) for line in lines[start + 1:start + 5]}), 1)

    def test_a_server_that_was_not_measured_has_no_numbers(self):
        self.assertRegex(report.as_text(a_run()), r"(?m)^  haproxy +-( +-)+$")

    def test_what_does_not_count_is_said(self):
        said = report.as_text(a_run(load("short-64", 2, "haproxy", 9.0, ("read errors: 3",))))
        self.assertIn("! haproxy: 1 of 1 rounds do not count; round 2: read errors: 3", said)
        self.assertRegex(said, r"(?m)^  haproxy +-( +-)+$")

    def test_noise_is_said(self):
        self.assertIn("warning: the machine was busy", report.as_text(a_run(machine={**MACHINE, "load_average": 1.5})))
        self.assertIn("warning: other work took 30% of the", report.as_text(a_run(machine={**MACHINE, "others": 0.3})))
        uneven = [load("short-1", number, "nginx", cpu) for number, cpu in ((1, 8.0), (2, 8.0), (3, 12.0))]
        self.assertIn("warning: the widest spread between rounds is 50% (short-1, nginx, CPU us/request)",
                      report.as_text(a_run(*uneven)))
        self.assertIn("warning: interrupted", report.as_text(a_run(notes=("interrupted",))))


class Markdown(unittest.TestCase):
    def test_tables_are_tables(self):
        said = report.as_markdown(a_run())
        rows = [line for line in said.splitlines() if line.startswith("|")]
        self.assertEqual({row.count("|") for row in rows[:8]}, {10})
        self.assertIn("| nginx | 100,000 | 10.00 | 0.50 | 2.25 | 9.50 | 5.0 | 0.70 (0.70 to 0.71), goal <= 0.72: met |",
                      said)


class Json(unittest.TestCase):
    def test_everything_is_in_it(self):
        document = json.loads(report.as_json(a_run()))
        self.assertEqual(document["machine"], MACHINE)
        self.assertEqual(len(document["segments"]), 8)
        self.assertEqual(document["cases"]["blocking-2"]["ratios"][0]["peer"], "nginx-perl")


class Svg(unittest.TestCase):
    def setUp(self):
        self.text = report.as_svg(a_run())
        self.root = ElementTree.fromstring(self.text)

    def bars(self, kind):
        return [bar for bar in self.root.iter("{http://www.w3.org/2000/svg}rect") if bar.get("class") == kind]

    def test_each_server_has_a_bar_in_each_panel(self):
        # CPU and throughput of short-64: preforkd and two peers; p99.9: preforkd and one.
        self.assertEqual((len(self.bars("ours")), len(self.bars("peer"))), (3, 5))

    def test_bars_are_in_proportion_and_end_at_the_bound(self):
        ours = float(self.bars("ours")[0].get("width"))
        nginx, gunicorn = (float(bar.get("width")) for bar in self.bars("peer")[:2])
        self.assertAlmostEqual(nginx / ours, 1.42, delta=0.02)
        self.assertAlmostEqual(gunicorn / ours, 4, delta=0.02)
        self.assertIn("29.79 \N{RIGHTWARDS ARROW}", self.text)

    def test_nothing_is_outside_and_names_are_escaped(self):
        for element in self.root.iter():
            self.assertLess(float(element.get("y", 0)), float(self.root.get("height")))
        self.assertIn("A &lt;fast&gt; CPU", self.text)


class Machine(unittest.TestCase):
    def test_versions_of_the_peers(self):
        for said, version in (("nginx version: nginx/1.22.1\n", "1.22.1"), ("preforkd 0.1.0\n", "0.1.0"),
                              ("HAProxy version 2.6.12-1+deb12u4 2026/10/17 - https://a.org/\n", "2.6.12-1+deb12u4"),
                              ("Server version: Apache/2.4.71 (Debian)\n", "2.4.71"), ("what?\n", "unknown")):
            self.assertEqual(machine.parse_version(said), version)

    def test_processor(self):
        self.assertEqual(machine.parse_cpu_model("processor\t: 0\nmodel name\t: AMD EPYC\nflags: a\n"), "AMD EPYC")
        self.assertEqual(machine.parse_cpu_model(""), "unknown processor")

    def test_the_time_of_all_processes(self):
        ticks = os.sysconf("SC_CLK_TCK")
        self.assertEqual(machine.parse_busy("cpu  100 20 30 9000 8 7 6 0 0 0\ncpu0 1 1 1 1\n"), 150 / ticks)

    def test_our_own_work_is_not_that_of_others(self):
        cores = len(os.sched_getaffinity(0))
        watch, start = machine.Watch(), time.monotonic()
        burn = "import time\nwhile time.process_time() < 0.5: pass"
        for child in [subprocess.Popen([sys.executable, "-S", "-c", burn]) for _ in range(cores)]:
            child.wait()
        ours = 0.5 / (time.monotonic() - start)
        self.assertLess(watch.others(), 1 - ours + 0.1)

    def test_what_is_described_can_be_said(self):
        self.assertIn(" cores, Linux ", machine.text(machine.describe()))


if __name__ == "__main__":
    unittest.main()
