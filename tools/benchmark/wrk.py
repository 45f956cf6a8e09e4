"""wrk: its command line for a load, and its output. wrk_load.lua makes it print JSON."""

import json
from pathlib import Path

from load import Load, LoadReport, UnreadableReport

SCRIPT = Path(__file__).resolve().parent / "wrk_load.lua"
_PERCENTILES = ("p50", "p99", "p999")
_ERRORS = ("connect", "read", "write", "status", "timeout")


def command(load: Load, port, seconds):
    """(the command line, additional environment variables)"""
    # Two threads if there are clients for both: a single one would become the bottleneck.
    threads = min(2, load.clients)
    environment = {}
    if load.close:
        environment["BENCH_CLOSE"] = "1"
    if load.pipeline > 1:
        environment["BENCH_PIPELINE"] = str(load.pipeline)
    if load.delay_ms:
        environment["BENCH_DELAY"] = str(load.delay_ms)
    return ["wrk", f"-t{threads}", f"-c{load.clients}", f"-d{seconds}s", "--timeout", "10s", "-s", str(SCRIPT),
            f"http://127.0.0.1:{port}{load.path}"], environment


def parse(output) -> LoadReport:
    for line in output.splitlines():
        if line.startswith("bench {"):
            return _report(json.loads(line.removeprefix("bench ")))
    raise UnreadableReport(f"wrk printed no measurement: {output.strip()[-300:]}")


def _report(said):
    return LoadReport(
        requests=said["requests"],
        seconds=said["seconds"],
        bytes=said["bytes"],
        percentiles={name: said[name] for name in _PERCENTILES},
        errors={name: said[name] for name in _ERRORS if said[name]},
    )
