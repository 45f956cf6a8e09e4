#!/usr/bin/python3
"""The tables fit together: cases, servers, metrics, goals; and each server can be set up for each of its cases."""

import argparse
import contextlib
import io
import unittest
from pathlib import Path

import command_line
import session
from cases import BLOCKING_KEPT, CASES, RELOAD_IDLE
from goals import GOALS, LIMITS
from metrics import METRICS
from runners import RUNNERS
from servers.server import BODY, Order
from summary import BEST, OURS, Segment


def order(case, user="www-data"):
    return Order(Path("/run/folder"), Path("/run/root"), 12345, case.workers, case.connections, case.kept, False,
                 Path("/run/tls") if case.tls else None, user, Path("/run/programs"))


class Cases(unittest.TestCase):
    def test_names_are_unique(self):
        self.assertEqual(len({case.name for case in CASES}), len(CASES))

    def test_each_has_a_runner_and_known_metrics(self):
        for case in CASES:
            self.assertIn(case.runner, RUNNERS)
            self.assertLessEqual({*case.columns, *case.ratios}, METRICS.keys())
            self.assertLessEqual({*case.ratios}, {*case.columns})
            self.assertTrue(all(METRICS[key].ratio for key in case.ratios))

    def test_each_has_servers_that_offer_what_it_needs(self):
        for case in CASES:
            self.assertEqual(case.servers[0].name, OURS)
            self.assertGreater(len(case.servers), 1)
            for server in case.servers:
                self.assertIn(case.needs, server.offers, (case.name, server.name))

    def test_the_best_is_one_of_the_peers(self):
        for case in CASES:
            self.assertLessEqual({*case.best_of}, {server.name for server in case.servers} - {OURS})

    def test_titles_of_kept_connections_say_how_many(self):
        self.assertIn(f"of {RELOAD_IDLE} ", METRICS["kept"].title)
        self.assertIn(f"of {BLOCKING_KEPT} ", METRICS["held"].title)

    def test_each_goal_is_about_what_is_measured(self):
        known = {case.name: case for case in CASES}
        for goal in GOALS:
            for name in goal.cases:
                best = {BEST} if known[name].best_of else set()
                self.assertIn(goal.peer, {server.name for server in known[name].servers} | best)
                self.assertIn(goal.metric, known[name].ratios)

    def test_each_limit_is_for_a_figure_that_is_measured(self):
        known = {case.name: case for case in CASES}
        for limit in LIMITS:
            self.assertIn(limit.metric, known[limit.case].columns)

    def test_each_load_can_be_generated(self):
        for case in CASES:
            if case.runner == "load":
                for asked in ("wrk", "h2load"):
                    setting = session.Setting(Path("/run"), Path("/run/programs"), 1, asked, None)
                    self.assertTrue(setting.generator(case.load).can(case.load))


class Failures(unittest.TestCase):
    def test_a_problem_of_ours_fails_the_run_also_of_a_variant_and_none_of_a_peer(self):
        for server, fails in ((OURS, True), ("preforkd-bounded", True), ("nginx", False)):
            segments = (Segment("bounded-static-1k", 1, server, {}, ("status errors: 3",)),)
            with self.subTest(server=server):
                self.assertEqual(command_line.has_failed(argparse.Namespace(notes=(), segments=segments)), fails)


class Servers(unittest.TestCase):
    def test_each_is_told_port_workers_and_user(self):
        for case in CASES:
            for server in case.servers:
                launch = server.launch(order(case))
                said = " ".join(launch.arguments) + "".join(launch.files.values())
                with self.subTest(case=case.name, server=server.name):
                    self.assertIn("127.0.0.1:12345", said)
                    self.assertIn("www-data", said)
                    self.assertNotIn("www-data", " ".join(server.launch(order(case, None)).files.values()))

    def test_there_is_room_for_all_connections(self):
        for case in (case for case in CASES if case.runner == "memory"):
            for server in case.servers:
                if server.name != OURS:
                    self.assertRegex("".join(server.launch(order(case)).files.values()), r"1[56]\d\d\d")

    def test_tls_is_spoken_where_the_case_says_so_with_one_suite(self):
        for case in CASES:
            for server in case.servers:
                said = "".join(server.launch(order(case)).files.values())
                with self.subTest(case=case.name, server=server.name):
                    self.assertEqual("/run/tls/" in said, case.tls)
                    self.assertEqual("TLS_AES_128_GCM_SHA256" in said or 'ciphers = "aes-128-gcm"' in said, case.tls)

    def test_kept_connections_beside_blocking_ones_have_equal_workers_or_one_for_each(self):
        case = next(case for case in CASES if case.name == "blocking-kept")
        equal = ("workers = 4\n", "MaxRequestWorkers 4\n", "--processes 4 ", "--workers 4 ",
                 "pistache_measured 127.0.0.1:12345 4 ")
        for server in case.servers:
            launch = server.launch(order(case))
            said = " ".join([*launch.arguments, ""]) + "".join(launch.files.values())
            with self.subTest(server=server.name):
                if server.name == "apache-wsgi-400":
                    self.assertIn(f"MaxRequestWorkers {BLOCKING_KEPT + 8}\n", said)
                    continue
                self.assertTrue(any(text in said for text in equal), said)
                self.assertEqual("--threads 100" in said, server.name.endswith("-400"))
                self.assertEqual("workers_max = 4\n" in said, server.name == "preforkd-no-extras")
                self.assertEqual("KeepAlive Off" in said, server.name == "apache-wsgi-close")

    def test_the_body_is_that_of_the_measured_service(self):
        header = Path(__file__).resolve().parent / "measured_body.h"
        self.assertIn(f'"{BODY.decode().rstrip()}\\n"', header.read_text())


class CommandLine(unittest.TestCase):
    def refused(self, *arguments):
        said = io.StringIO()
        with contextlib.redirect_stderr(said), self.assertRaises(SystemExit) as end:
            command_line.parse_arguments(arguments)
        self.assertEqual(end.exception.code, 64)
        return said.getvalue()

    def test_without_arguments_all_cases_and_peers_run(self):
        options = command_line.parse_arguments([])
        self.assertEqual(options.cases, CASES)
        self.assertIsNone(options.peers)
        self.assertIsInstance(options, argparse.Namespace)

    def test_cases_and_peers_are_chosen(self):
        options = command_line.parse_arguments(["memory", "short-1", "--peers", "nginx"])
        self.assertEqual([case.name for case in options.cases], ["short-1", "memory"])
        for case in options.cases:
            self.assertEqual([server.name for server in command_line.servers_of(case, options.peers)], [OURS, "nginx"])

    def test_what_is_wrong_is_named(self):
        self.assertIn("no case long", self.refused("long"))
        self.assertIn("no peer gunicorn", self.refused("memory", "--peers", "gunicorn"))
        self.assertIn("at least 1", self.refused("--rounds", "0"))
        self.assertIn("at most 10", self.refused("--seconds", "11"))
        self.assertIn("/nowhere/file", self.refused("--json", "/nowhere/file"))


if __name__ == "__main__":
    unittest.main()
