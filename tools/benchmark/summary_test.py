#!/usr/bin/python3
"""Medians and ratios: pairs are within a round, and a segment with a problem is not counted."""

import unittest

from goals import GOALS, Goal, goal_for
from summary import BEST, Ratio, Segment, noise, summarize


def segment(number, server, cpu, rps=1000.0, problems=()):
    return Segment("short-64", number, server, {"cpu": cpu, "rps": rps}, problems)


THREE_ROUNDS = [
    segment(1, "preforkd", 10.0), segment(1, "nginx", 20.0),
    segment(2, "nginx", 40.0), segment(2, "preforkd", 30.0),
    segment(3, "preforkd", 12.0), segment(3, "nginx", 10.0),
]


class Summarize(unittest.TestCase):
    def ratio(self, segments, metric="cpu"):
        table = summarize("short-64", ("preforkd", "nginx"), segments)
        return next((ratio for ratio in table.ratios if ratio.metric == metric), None)

    def test_medians_are_of_each_server(self):
        table = summarize("short-64", ("preforkd", "nginx"), THREE_ROUNDS)
        self.assertEqual(table.row("preforkd").values["cpu"], 12.0)
        self.assertEqual(table.row("nginx").values["cpu"], 20.0)
        self.assertEqual(table.row("nginx").good, 3)

    def test_ratios_are_within_a_round(self):
        # 0.5, 0.75, 1.2; the ratio of the medians would be 0.6.
        ratio = self.ratio(THREE_ROUNDS)
        self.assertEqual((ratio.median, ratio.lowest, ratio.highest, ratio.rounds), (0.75, 0.5, 1.2, 3))

    def test_a_round_with_a_problem_is_said_and_left_out(self):
        broken = THREE_ROUNDS[:5] + [segment(3, "nginx", 1.0, problems=("read errors: 3",))]
        table = summarize("short-64", ("preforkd", "nginx"), broken)
        self.assertEqual(table.row("nginx").values["cpu"], 30.0)
        self.assertEqual(table.row("nginx").good, 2)
        self.assertEqual(table.row("nginx").problems, ("round 3: read errors: 3",))
        self.assertEqual(self.ratio(broken).rounds, 2)

    def test_the_best_is_another_one_in_each_round(self):
        peers = ("nginx", "haproxy")
        segments = [segment(1, "preforkd", 10.0), segment(1, "nginx", 20.0), segment(1, "haproxy", 40.0, rps=4000.0),
                    segment(2, "preforkd", 10.0), segment(2, "nginx", 1.0, problems=("read errors: 3",)),
                    segment(2, "haproxy", 100.0), segment(3, "preforkd", 10.0)]
        table = summarize("short-64", ("preforkd", *peers), segments, best_of=peers)
        found = {ratio.metric: ratio for ratio in table.ratios if ratio.peer == BEST}
        self.assertEqual((found["cpu"].lowest, found["cpu"].highest, found["cpu"].rounds), (0.1, 0.5, 2))
        self.assertEqual(found["rps"].lowest, 0.25)
        # Only some are asked for: then there is no such peer, as where there is none in the case.
        self.assertNotIn(BEST, {ratio.peer for ratio in summarize("short-64", ("preforkd",), segments).ratios})

    def test_without_a_pair_there_is_no_ratio(self):
        self.assertIsNone(self.ratio([segment(1, "preforkd", 1.0), segment(2, "nginx", 1.0)]))

    def test_a_figure_of_zero_makes_no_ratio(self):
        self.assertIsNone(self.ratio([segment(1, "preforkd", 1.0), segment(1, "nginx", 0.0)]))

    def test_noise_is_the_widest_spread(self):
        table = summarize("short-64", ("preforkd", "nginx"), THREE_ROUNDS)
        spread, case, server, metric = noise([table])
        self.assertEqual((case, server, metric), ("short-64", "preforkd", "cpu"))
        self.assertAlmostEqual(spread, 20 / 12)
        self.assertIsNone(noise([summarize("short-64", ("preforkd",), THREE_ROUNDS[:1])]))


class Goals(unittest.TestCase):
    def judge(self, goal, median, lowest=None, highest=None):
        return goal.judge(Ratio("nginx", "cpu", median, lowest or median, highest or median, 5))

    def test_met_and_missed(self):
        at_most, at_least = Goal((), "nginx", "cpu", 0.72), Goal((), "nginx", "rps", 1.15, at_most=False)
        self.assertEqual(self.judge(at_most, 0.72), "met")
        self.assertEqual(self.judge(at_most, 0.73), "missed")
        self.assertEqual(self.judge(at_least, 1.15), "met")
        self.assertEqual(self.judge(at_least, 1.14), "missed")

    def test_rounds_that_disagree_are_said(self):
        goal = Goal((), "nginx", "cpu", 0.72)
        self.assertEqual(self.judge(goal, 0.70, 0.65, 0.75), "met, not in every round")
        self.assertEqual(self.judge(goal, 0.74, 0.65, 0.75), "missed, not in every round")

    def test_each_goal_is_found_where_it_belongs(self):
        for goal in GOALS:
            for case in goal.cases:
                self.assertIs(goal_for(case, goal.peer, goal.metric), goal)
        self.assertIsNone(goal_for("keepalive-512", "nginx", "rps"))


if __name__ == "__main__":
    unittest.main()
