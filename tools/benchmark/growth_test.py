#!/usr/bin/python3
"""Growth: its sizes, their configurations, and how the points are shown."""

import tomllib
import unittest
import xml.etree.ElementTree

import growth_points
import growth_runs
from growth_points import DIMENSIONS, Size


def point(dimension="workers", value=4, master=1.0, answers=1000):
    return growth_points.point_of(dimension, value, answers, 2.0, (master, 0.5), 3 << 20, 0.25)


class Sizes(unittest.TestCase):
    def test_a_dimension_changes_alone(self):
        self.assertEqual(growth_points.size_of("workers", 64), Size(workers=64))
        self.assertEqual(growth_points.size_of("nodes", 3), Size(nodes=3))

    def test_all_at_once(self):
        self.assertEqual(growth_points.size_of("all", 18000), Size(64, 4, 1000, 18000))

    def test_each_dimension_has_values_that_grow(self):
        for name, values in DIMENSIONS.items():
            self.assertGreater(len(values), 1, name)
            self.assertEqual(sorted(set(values)), list(values), name)

    def test_shares_are_whole_and_nearly_even(self):
        self.assertEqual(growth_points.shares(10, 4), [3, 3, 2, 2])
        self.assertEqual(growth_points.shares(0, 2), [0, 0])

    def test_no_process_needs_more_than_20000_descriptors(self):
        for name, values in DIMENSIONS.items():
            size = growth_points.size_of(name, values[-1])
            self.assertLess(size.connections + size.listeners + 3 * size.workers + 100, 20000, name)
        self.assertLess(growth_points.FLEET_IDLE + 2 * growth_points.FLEET_CLIENTS + 100, 20000)


class Configurations(unittest.TestCase):
    def test_each_pool_has_its_workers_its_service_and_its_listeners(self):
        size = Size(workers=6, pools=4, listeners=8)
        config = tomllib.loads(growth_points.config_of(size, "/f", range(1000, 1008)))
        self.assertEqual([pool["workers"] for pool in config["pool"].values()], [2, 2, 1, 1])
        self.assertEqual(sorted(config["service"]), ["pool0", "pool1", "pool2", "pool3"])
        listens = [(one["address"], one["service"]) for one in config["listen"]]
        self.assertEqual(len(listens), 8)
        self.assertEqual(listens[4], ("127.0.0.1:1004", "pool0"))

    def test_the_first_ports_are_one_of_each_pool(self):
        config = tomllib.loads(growth_points.config_of(Size(pools=2), "/f", range(4)))
        self.assertEqual({one["service"] for one in config["listen"][:2]}, {"pool0", "pool1"})

    def test_haproxy_knows_all_nodes(self):
        text = growth_points.haproxy_config(80, [81, 82, 83])
        self.assertIn("bind 127.0.0.1:80 ", text)
        self.assertEqual(text.count("  server node"), 3)


class Load(unittest.TestCase):
    def test_the_output_of_both_generators_is_read(self):
        self.assertEqual(growth_runs.parse_answers('bench {"requests": 42, "seconds": 1.0}'), 42)
        self.assertEqual(growth_runs.parse_answers('{"answered": 41, "failed": 0}'), 41)

    def test_failures_and_silence_are_problems(self):
        for output in ('{"answered": 41, "failed": 1}', '{"answered": 0, "failed": 0}', "unable to connect"):
            with self.assertRaises(growth_runs.PointFailed):
                growth_runs.parse_answers(output)


class Shown(unittest.TestCase):
    def test_a_point_is_time_for_each_request(self):
        one = point()
        self.assertEqual((one.rate, one.master_us, one.workers_us, one.master_of_cpu), (500, 1000, 500, 0.5))

    def test_rounds_become_one_line_with_lowest_and_highest(self):
        points = [point(master=seconds) for seconds in (0.03, 0.01, 0.02)]
        lines = growth_points.markdown(points).splitlines()
        self.assertEqual(len(lines), 3)
        self.assertIn("| workers | 4 | 500 | 20.0 (10.0 to 30.0) | 500.0 | 1% | 3.0 MiB | 0.25 s |", lines[2])

    def test_lines_are_in_the_order_of_the_table_whatever_was_measured_first(self):
        points = [point("nodes", 3), point("workers", 64), point("workers", 1)]
        lines = growth_points.markdown(points).splitlines()[2:]
        self.assertEqual([line.split(" | ")[:2] for line in lines],
                         [["| workers", "1"], ["| workers", "64"], ["| nodes", "3"]])

    def test_the_chart_has_a_bar_for_each_value_of_a_dimension_with_two(self):
        points = [point("workers", 1), point("workers", 64), point("pools", 4)]
        drawn = growth_points.svg(points, "here")
        xml.etree.ElementTree.fromstring(drawn)
        self.assertEqual(drawn.count('class="peer"'), 4)
        self.assertIn("Memory of the master", drawn)

    def test_without_points_there_is_no_bar(self):
        self.assertEqual(growth_points.svg([], "here").count('class="peer"'), 0)


if __name__ == "__main__":
    unittest.main()
