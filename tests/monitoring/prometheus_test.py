#!/usr/bin/env python3
"""A real Prometheus scrapes a real server: it answers queries, loads the alert rules, and every query of the shipped
files names metrics and labels that exist."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import unittest
import urllib.error
import urllib.parse
from pathlib import Path

ROOT = Path(__file__).absolute().parent.parent.parent
sys.path.insert(0, str(ROOT))

from tests.monitoring.waiting import TIMEOUT, wait_until  # noqa: E402
from tests.monitoring.programs import require  # noqa: E402
from tests.monitoring.server import Load, Server, fetch, free_port  # noqa: E402

RULES = ROOT / "tools/package/preforkd-alerts.yml"
BOARD = ROOT / "tools/package/preforkd-grafana.json"
ALERT_CASES = ROOT / "tests/monitoring/alerts_test.yml"

# Variables of Grafana, and example values.
VARIABLES = {"$__rate_interval": "10s", "$__range": "1m", "$job": ".*", "$instance": ".*"}

OF_PROMETHEUS = {"job", "instance"}  # labels that the scrape adds


def board_queries():
    board = json.loads(BOARD.read_text())
    queries = [(panel["title"], target["expr"]) for panel in board["panels"] for target in panel["targets"]]
    return queries + [(note["name"], note["expr"]) for note in board["annotations"]["list"]]


def rule_queries():
    """As promtool prints them, so that no YAML has to be parsed here."""
    said = subprocess.run(["promtool", "check", "rules", str(RULES)], capture_output=True, text=True)
    assert said.returncode == 0, said.stdout + said.stderr
    return said.stdout


def filled_in(query):
    for name, value in VARIABLES.items():
        query = query.replace(name, value)
    return query


class Prometheus:
    """An instance with its own port, data and configuration."""

    def __init__(self, target):
        self.target = target

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="prometheus-")))
            config = folder / "prometheus.yml"
            config.write_text(
                "global: {scrape_interval: 1s, evaluation_interval: 1s}\n"
                f"rule_files: [{json.dumps(str(RULES.resolve()))}]\n"
                "scrape_configs:\n"
                f"  - {{job_name: preforkd, static_configs: [{{targets: [{json.dumps(self.target)}]}}]}}\n")
            subprocess.run(["promtool", "check", "config", str(config)], check=True, capture_output=True)
            self.log = folder / "log"
            stack.callback(self._end)
            self._start(folder, config)
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self.stack.close()

    def _start(self, folder, config):
        # It cannot choose a port itself, and another process may have taken the free one.
        for attempt in range(5):
            port = free_port()
            self.url = f"http://127.0.0.1:{port}"
            with self.log.open("w") as output:
                self.process = subprocess.Popen(
                    ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}",
                     f"--web.listen-address=127.0.0.1:{port}"],
                    stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, cwd=folder)
            wait_until(lambda: self._has_ended() or self._ready(),
                       lambda: f"Prometheus is ready; its log: {self.log.read_text()}")
            if not self._has_ended():
                return
            taken = "address already in use" in self.log.read_text()
            assert taken and attempt < 4, f"Prometheus has ended: {self.log.read_text()}"

    def _has_ended(self):
        return self.process.poll() is not None

    def _end(self):
        self.process.terminate()
        try:
            self.process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _ready(self):
        # By its log: on its port another instance may answer, which has the port.
        return "Server is ready to receive web requests" in self.log.read_text()

    def api(self, what, **parameters):
        try:
            answer = json.loads(fetch(f"{self.url}/api/v1/{what}?{urllib.parse.urlencode(parameters)}"))
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{what} {parameters}: {error.read().decode()}") from None
        return answer["data"]

    def query(self, expression):
        """The values, by their labels."""
        results = self.api("query", query=expression)["result"]
        return [(result["metric"], float(result["value"][1])) for result in results]

    def value(self, expression):
        """The value of an expression that gives one number, or none."""
        results = self.query(expression)
        assert len(results) <= 1, results
        return results[0][1] if results else None


def await_traffic(prometheus):
    rate = "sum(rate(preforkd_requests_total[5s]))"
    wait_until(lambda: (prometheus.value(rate) or 0) > 0, "requests a second")


class Scraped(unittest.TestCase):
    def test_it_answers_queries_across_a_crash_and_a_reload(self):
        with Server() as server, Load(server.web), Prometheus(server.status_address) as prometheus:
            wait_until(lambda: prometheus.value("up") == 1, lambda: f"a scrape: {prometheus.api('targets')}")
            await_traffic(prometheus)
            os.kill(server.workers()[0]["pid"], signal.SIGKILL)
            wait_until(lambda: prometheus.value('preforkd_worker_restarts_total{pool="main",reason="crash"}') == 1, "the crash")
            os.kill(server.pid, signal.SIGHUP)
            wait_until(lambda: prometheus.value("preforkd_generation") == 2,
                       lambda: f"the reload; {prometheus.api('targets')}; the server's log: {server.log()}")
            before = server.ask()["requests"]
            wait_until(lambda: prometheus.value("sum(preforkd_requests_total)") >= before, "the requests until now")
            # Not one counter has gone back: rate() would have taken that for a restart.
            counters = [name for name in prometheus.api("label/__name__/values")
                        if re.fullmatch(r"preforkd_\w+_(total|bucket|count|sum)", name)]
            self.assertGreater(len(counters), 12)
            for name in counters:
                self.assertEqual(prometheus.query(f"resets({name}[5m]) > 0"), [], name)
            firing = {metric["alertname"] for metric, _ in prometheus.query('ALERTS{alertstate="firing"}')}
            self.assertLessEqual(firing, {"PreforkdLosesConnections"})  # if the worker was serving when it was killed

    def test_every_query_of_the_dashboard_has_an_answer(self):
        with Server(tls=True) as server, Load(server.web), Prometheus(server.status_address) as prometheus:
            await_traffic(prometheus)
            for title, query in board_queries():
                with self.subTest(panel=title, query=query):
                    def results(expression=filled_in(query)):
                        return prometheus.query(expression)

                    if query.endswith("> 0"):  # those are empty while nothing is wrong
                        results()
                    else:  # nor is there anything for a moment, when the machine has made a scrape late
                        wait_until(results, "an answer")

    def test_the_rules_are_loaded_and_none_fails(self):
        with Server(tls=True) as server, Prometheus(server.status_address) as prometheus:
            def rules():
                found = [rule for group in prometheus.api("rules")["groups"] for rule in group["rules"]]
                return found if found and all(rule["health"] != "unknown" for rule in found) else None

            found = wait_until(rules, "each rule has been evaluated")
            self.assertEqual(len(found), RULES.read_text().count("- alert: "))
            self.assertEqual([rule["name"] for rule in found if rule["health"] != "ok"], [])


class Files(unittest.TestCase):
    def test_alert_rules(self):
        self.assertIn("SUCCESS", rule_queries())
        with tempfile.TemporaryDirectory() as folder:
            for source in (RULES, ALERT_CASES):
                (Path(folder) / source.name).write_text(source.read_text())
            said = subprocess.run(["promtool", "test", "rules", ALERT_CASES.name], cwd=folder, capture_output=True,
                                  text=True)
            self.assertEqual(said.returncode, 0, said.stdout + said.stderr)

    def test_only_metrics_and_labels_that_exist_are_named(self):
        with Server(tls=True) as server:
            page = fetch(server.status + "/metrics").decode()
        series = re.findall(r"^(\w+)(?:\{(.*)\})? \S+$", page, re.MULTILINE)
        # A family may have no sample here: no certificate of this server has an OCSP response.
        names = {name for name, _ in series} | set(re.findall(r"^# TYPE (\w+) ", page, re.MULTILINE))
        labels = OF_PROMETHEUS | {label for _, inside in series for label in re.findall(r'(\w+)="', inside)}
        self.assertIn("preforkd_dispatch_wait_seconds_bucket", names)
        texts = board_queries() + [("alert rules", RULES.read_text())]
        used = 0
        for title, text in texts:
            with self.subTest(where=title):
                named = set(re.findall(r"\b(?:preforkd|process)_\w+", text))
                used += len(named)
                self.assertEqual(named - names, set())
                in_selectors = {label for inside in re.findall(r"(?<!\{)\{([^{}]*)\}", text)
                                for label in re.findall(r"(\w+)\s*=~?\s*\"", inside)}
                grouped = {label.strip() for inside in re.findall(r"\b(?:by|on|ignoring) \(([^)]*)\)", text)
                           for label in inside.split(",")}
                self.assertEqual((in_selectors | grouped) - labels, set())
        self.assertGreater(used, 30)  # the patterns above do find what they look for

    def test_the_dashboard_is_what_grafana_imports(self):
        board = json.loads(BOARD.read_text())
        ids = [panel["id"] for panel in board["panels"]]
        self.assertEqual(len(ids), len(set(ids)))
        taken = set()
        for panel in board["panels"]:
            place = panel["gridPos"]
            self.assertLessEqual(place["x"] + place["w"], 24)
            cells = {(x, y) for x in range(place["x"], place["x"] + place["w"])
                     for y in range(place["y"], place["y"] + place["h"])}
            self.assertFalse(cells & taken, panel["title"])
            taken |= cells


if __name__ == "__main__":
    require("prometheus", "promtool")
    unittest.main(verbosity=2)
