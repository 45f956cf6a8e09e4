#!/usr/bin/python3
"""The manifests: each is one that Kubernetes knows, by the models of its Python client, field by field; they fit each other,
the image and the configuration, which preforkd accepts; and the rules are those of preforkd-alerts.yml."""

import json
import re
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import unittest
from pathlib import Path

ROOT = Path(__file__).absolute().parent.parent.parent
sys.path.insert(0, str(ROOT))

from tests.monitoring.programs import skip  # noqa: E402

FOLDER = ROOT / "tools/package/kubernetes"

# Of CustomResourceDefinitions: not in the client. What those that we have must look like is below.
CUSTOM = {"ServiceMonitor", "PrometheusRule"}
# Debian 12's client is older than this version, whose fields are those of the one before it.
SAME_AS = {"autoscaling/v2": "autoscaling/v2beta2"}
BASIC = {"str": str, "int": int, "bool": bool, "float": (int, float)}
UNITS = {"Mi": 1 << 20, "Gi": 1 << 30, "MiB": 1 << 20, "GiB": 1 << 30, "s": 1, "m": 60}


def documents():
    found = []
    for path in sorted(FOLDER.rglob("*.yaml")):
        found += [(path.name, document) for document in yaml.safe_load_all(path.read_text())]
    return found


def amount(text):
    number, unit = re.fullmatch(r"(\d+)([A-Za-z]+)", text).groups()
    return int(number) * UNITS[unit]


def problems(value, kind, where):
    """What is wrong with a value that should be of that kind, as the client names kinds."""
    if kind == "object":
        return []
    if kind.startswith(("list[", "dict(")):
        inner = kind[5:-1] if kind.startswith("list[") else kind[5:-1].split(", ", 1)[1]
        if not isinstance(value, list if kind.startswith("list[") else dict):
            return [f"{where}: not {kind}"]
        items = enumerate(value) if isinstance(value, list) else value.items()
        return [problem for name, item in items for problem in problems(item, inner, f"{where}.{name}")]
    if kind in BASIC:
        right = isinstance(value, BASIC[kind]) and isinstance(value, bool) == (kind == "bool")
        return [] if right else [f"{where}: {value!r} is no {kind}"]
    model = getattr(kubernetes.client, kind)
    if not isinstance(value, dict):
        return [f"{where}: no {kind}"]
    names = {json_name: name for name, json_name in model.attribute_map.items()}
    found = [f"{where}: {kind} has no {name}" for name in value if name not in names]
    try:  # a field that must be there, or a value that is none of its kind
        model(**{names[name]: item for name, item in value.items() if name in names})
    except ValueError as error:
        found.append(f"{where}: {error}")
    for name, item in value.items():
        if name in names:
            found += problems(item, model.openapi_types[names[name]], f"{where}.{name}")
    return found


def model_of(document):
    version = SAME_AS.get(document["apiVersion"], document["apiVersion"])
    return "".join(part[0].upper() + part[1:] for part in [version.split("/")[-1]]) + document["kind"]


class Manifests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.documents = documents()
        cls.by_name = {(document["kind"], document["metadata"]["name"]): document for _, document in cls.documents
                       if "kind" in document}
        cls.deployment = cls.by_name["Deployment", "preforkd"]["spec"]
        cls.pod = cls.deployment["template"]["spec"]
        [cls.container] = cls.pod["containers"]
        cls.config_text = cls.by_name["ConfigMap", "preforkd"]["data"]["preforkd.toml"]
        cls.config = tomllib.loads(cls.config_text)
        with tarfile.open(IMAGE) as archive:
            read = lambda name: json.load(archive.extractfile(name))  # noqa: E731
            cls.image = read(read("manifest.json")[0]["Config"])["config"]

    def ports(self):
        return {port["name"]: port["containerPort"] for port in self.container["ports"]}

    def test_every_kind_is_there(self):
        self.assertEqual({kind for kind, _ in self.by_name},
                         {"Deployment", "ConfigMap", "Service", "PodDisruptionBudget", "HorizontalPodAutoscaler",
                          "ServiceMonitor", "PrometheusRule"})

    def test_kubernetes_knows_every_field(self):
        checked = 0
        for name, document in self.documents:
            if document.get("kind", "ServiceMonitor") not in CUSTOM:
                self.assertEqual(problems(document, model_of(document), name), [])
                checked += 1
        self.assertGreaterEqual(checked, 6)

    def test_a_wrong_field_would_be_found(self):
        for old, new in (("maxSurge", "maxsurge"), ('"periodSeconds": 1,', '"periodSeconds": "1",'),
                         ('"name": "config", "mountPath": "/etc/preforkd", ', '"name": "config", ')):
            text = json.dumps(self.by_name["Deployment", "preforkd"])
            self.assertIn(old, text)
            self.assertEqual(len(problems(json.loads(text.replace(old, new, 1)), "V1Deployment", "")), 1, old)

    def test_preforkd_accepts_the_configuration(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "preforkd.toml")
            path.write_text(self.config_text)
            said = subprocess.run([PREFORKD, "--check", "-c", path], capture_output=True, text=True)
        self.assertEqual((said.returncode, said.stdout), (0, "configuration ok\n"), said.stderr)

    def test_the_image_is_this_version_and_its_user_and_files_fit(self):
        self.assertRegex(self.container["image"], rf"/preforkd:{re.escape(VERSION)}$")
        context = self.pod["securityContext"]
        self.assertEqual(f"{context['runAsUser']}:{context['runAsGroup']}", self.image["User"])
        mounts = {mount["name"]: mount["mountPath"] for mount in self.container["volumeMounts"]}
        self.assertEqual(set(mounts), {volume["name"] for volume in self.pod["volumes"]})
        self.assertEqual(f"{mounts['config']}/preforkd.toml", self.image["Entrypoint"][-1])
        self.assertEqual(mounts["run"], "/run/preforkd")
        self.assertNotIn("control", self.config)
        self.assertEqual({f"{port}/tcp" for port in self.ports().values()}, set(self.image["ExposedPorts"]))

    def test_ports_lead_to_the_right_listeners(self):
        listeners = {listener["service"]: listener["address"] for listener in self.config["listen"]}
        types = {name: service["type"] for name, service in self.config["service"].items()}
        ports = self.ports()
        self.assertEqual((listeners["site"], types["site"]), (f":{ports['http']}", "http"))
        self.assertEqual((listeners["status"], types["status"]), (f":{ports['status']}", "status"))
        for probe, path in (("startupProbe", "/readyz"), ("readinessProbe", "/readyz"), ("livenessProbe", "/healthz")):
            self.assertEqual(self.container[probe]["httpGet"], {"path": path, "port": "status"})
        for name, port in (("preforkd", "http"), ("preforkd-status", "status")):
            self.assertEqual(self.by_name["Service", name]["spec"]["ports"][0]["targetPort"], port)

    def test_nothing_selects_another_pod(self):
        labels = self.deployment["template"]["metadata"]["labels"]
        selectors = [self.deployment["selector"]["matchLabels"],
                     self.pod["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"],
                     self.by_name["PodDisruptionBudget", "preforkd"]["spec"]["selector"]["matchLabels"],
                     *(self.by_name["Service", name]["spec"]["selector"] for name in ("preforkd", "preforkd-status"))]
        self.assertEqual(selectors, [labels] * len(selectors))
        target = self.by_name["HorizontalPodAutoscaler", "preforkd"]["spec"]["scaleTargetRef"]
        self.assertEqual(self.by_name[target["kind"], target["name"]]["apiVersion"], target["apiVersion"])

    def test_a_stop_has_the_time_that_it_needs(self):
        supervision = self.config["supervision"]
        needed = amount(supervision["stop_delay"]) + amount(supervision["drain_timeout"])
        self.assertGreater(self.pod["terminationGracePeriodSeconds"], needed)
        self.assertNotIn("lifecycle", self.container)  # a preStop would be a second delay, before TERM

    def test_all_workers_fit_into_the_memory(self):
        workers = self.config["workers_max"] + self.config["pool"]["status"]["workers_max"]
        limit = amount(self.container["resources"]["limits"]["memory"])
        self.assertLess(workers * amount(self.config["supervision"]["max_memory"]), limit)
        self.assertNotIn("workers", self.config)  # so "auto", of the CPU's limit
        self.assertLessEqual(int(self.container["resources"]["limits"]["cpu"]), self.config["workers_max"])

    def test_a_pod_has_no_right_that_it_does_not_need(self):
        self.assertIs(self.pod["securityContext"]["runAsNonRoot"], True)
        self.assertEqual(self.pod["securityContext"]["seccompProfile"], {"type": "RuntimeDefault"})
        self.assertEqual(self.container["securityContext"], {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}})
        self.assertIs(self.pod["automountServiceAccountToken"], False)
        self.assertIs(self.pod["enableServiceLinks"], False)

    def test_prometheus_finds_the_pods_and_calls_them_preforkd(self):
        monitor = self.by_name["ServiceMonitor", "preforkd"]["spec"]
        service = self.by_name["Service", "preforkd-status"]
        self.assertLessEqual(monitor["selector"]["matchLabels"].items(), service["metadata"]["labels"].items())
        self.assertFalse(monitor["selector"]["matchLabels"].items()
                         <= self.by_name["Service", "preforkd"]["metadata"]["labels"].items())
        [endpoint] = monitor["endpoints"]
        self.assertEqual((endpoint["port"], endpoint["path"]), (service["spec"]["ports"][0]["name"], "/metrics"))
        self.assertEqual(service["metadata"]["labels"][monitor["jobLabel"]], "preforkd")

    def test_the_rules_are_those_of_the_package(self):
        self.assertEqual(self.by_name["PrometheusRule", "preforkd"]["spec"], yaml.safe_load(Path(ALERTS).read_text()))

    def test_the_autoscaler_has_its_metric(self):
        [metric] = self.by_name["HorizontalPodAutoscaler", "preforkd"]["spec"]["metrics"]
        adapter = yaml.safe_load((FOLDER / "monitoring/prometheus-adapter.yaml").read_text())
        [rule] = adapter["rules"]["custom"]
        self.assertEqual(rule["name"]["as"], metric["pods"]["metric"]["name"])
        self.assertIn("preforkd_requests_total{", rule["seriesQuery"])  # the dashboard's, which a test asks for
        self.assertIn(f'pool!="{self.config["service"]["status"]["pool"]}"', rule["metricsQuery"])


if __name__ == "__main__":
    try:
        import kubernetes.client
        import yaml
    except ImportError as error:
        skip(f"no {error.name} for Python: packages python3-kubernetes and python3-yaml (tools/setup test)")
    VERSION, IMAGE, PREFORKD, ALERTS = sys.argv[1:5]
    del sys.argv[1:5]
    unittest.main()
