"""The steps of each kind of case on a running server, and its measurements.

A runner gets `start`, which makes a ServerProcess for as many connections as the case has, or as it says, and returns
(values, problems): figures by metric, and why they do not count, if they do not. The bench itself only waits while a
load runs: what it used would be missing for server and clients.
"""

import json
import os
import subprocess
import time

import h2load
import handshakes
import wrk
from cases import (BLOCKING_KEPT, BLOCKING_RATE, BLOCKING_TIMEOUT, HANDSHAKE_LOAD, MEMORY_LEVELS, RELOAD_IDLE,
                   Case)
from client import IdleClients
from load import Load, UnreadableReport
from summary import OURS

GENERATORS = {"wrk": wrk, "h2load": h2load, "handshakes": handshakes}
_GRACE_SECONDS = 60  # how long a generator may take to end by itself
_WARM_UP = 200  # requests
_SETTLE_SECONDS = (3.0, 10.0)  # at least, so that parking.after and a few heartbeats pass; at most
_SETTLED = 0.002
_IDLE = 0.02  # CPU seconds a second
_IDLE_SPAN = 0.25
_ENOUGH = 0.85  # of the handshakes that were ordered: arrivals are random
_FEW = 512  # connections that every server has room for by default


class GeneratorFailed(Exception):
    """The load could not be generated; not the fault of a server."""


class Generator:
    """A running load."""

    def __init__(self, tool, load, order, seconds):
        self._tool = tool
        self._seconds = seconds
        command, more = tool.command(load, order.port, seconds)
        environment = {**os.environ, "PATH": f"{order.programs}:{os.environ['PATH']}", **more}
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                         stderr=subprocess.STDOUT, text=True, env=environment)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.communicate()

    def running(self):
        return self._process.poll() is None

    def report(self):
        try:
            output, _ = self._process.communicate(timeout=self._seconds + _GRACE_SECONDS)
            return self._tool.parse(output)
        except subprocess.TimeoutExpired as error:
            raise GeneratorFailed("it does not end") from error
        except UnreadableReport as error:
            raise GeneratorFailed(str(error)) from error


def run_load(case: Case, start, setting, _round):
    load = case.load
    body = setting.body(load.path)
    with start() as process:
        size = process.await_answer(load.path, body, load.close)
        _warm_up(process, load, body)
        before = process.cpu_seconds()
        with Generator(setting.generator(load), load, process.order, setting.seconds * case.lengths) as generator:
            report = generator.report()
        cpu = process.cpu_seconds() - before
        pss = process.pss_bytes()
    if not report.requests:
        return {}, report.problems(size)
    values = {"rps": report.requests / report.seconds, "cpu": cpu / report.requests, "pss": pss}
    return {**values, **report.percentiles}, report.problems(size)


def _warm_up(process, load, body):
    """Warms the server up, so that the first requests of the segment are like the last."""
    for _ in range(_WARM_UP if len(body) < 1 << 20 else 4):
        process.await_answer(load.path, body, load.close)


def run_blocking(case: Case, start, setting, number):
    body = setting.body("/hello")
    with start() as process:
        process.await_answer("/block", body, close=True)
        _warm_up(process, Load(1, close=True), body)
        said = _open_load(case, process, setting, number)
    values = {name: said[name] for name in ("p50", "p99", "p999", "worst")}
    return values, [f"{said['failed']} requests failed"] if said["failed"] else []


def run_blocking_kept(case: Case, start, setting, number):
    """A peer whose workers cannot hold the connections fails: that is what is measured. preforkd must not."""
    body = setting.body("/hello")
    with start() as process:
        process.await_answer("/block", body, close=True)
        _warm_up(process, Load(1, close=True), body)
        _await_idle(process)
        before = process.cpu_seconds()
        said = _open_load(case, process, setting, number, BLOCKING_KEPT, BLOCKING_TIMEOUT)
        cpu = process.cpu_seconds() - before
    values = {**{name: said[name] for name in ("p50", "p99", "p999")}, "held": said["kept"],
              "failed": said["failed"] / (said["answered"] + said["failed"])}
    if said["answered"]:
        values["cpu"] = cpu / said["answered"]
    ours = process.server.name.startswith(OURS)
    return values, [f"{said['failed']} requests failed"] if ours and said["failed"] else []


def _await_idle(process):
    """A server of 400 processes is still starting them when it answers the first request."""
    deadline = time.monotonic() + _SETTLE_SECONDS[1]
    last = process.cpu_seconds()
    while time.monotonic() < deadline:
        time.sleep(_IDLE_SPAN)
        now = process.cpu_seconds()
        if now - last <= _IDLE * _IDLE_SPAN:
            return
        last = now


def run_beside_handshakes(case: Case, start, setting, _round):
    """Two loads at once; the figures are those of the case's own."""
    load, seconds = case.load, setting.seconds * case.lengths
    with start() as process:
        size = process.await_answer(load.path, setting.body(load.path))
        short_size = process.await_answer(load.path, setting.body(load.path), close=True)
        _warm_up(process, load, setting.body(load.path))
        # They begin before the load that is measured, and end after it.
        with Generator(handshakes, HANDSHAKE_LOAD, process.order, seconds + 2) as beside:
            time.sleep(1)
            with Generator(wrk, load, process.order, seconds) as generator:
                report = generator.report()
            handshaken = beside.report()
    values = {**report.percentiles, "handshakes": handshaken.requests / handshaken.seconds}
    problems = [f"of the handshakes: {problem}" for problem in handshaken.problems(short_size)]
    if values["handshakes"] < _ENOUGH * HANDSHAKE_LOAD.rate:
        problems.append(f"{values['handshakes']:.0f} handshakes a second instead of {HANDSHAKE_LOAD.rate}")
    return values, report.problems(size) + problems


def _open_load(case, process, setting, number, *kept):
    seconds = setting.seconds * case.lengths
    # The same arrivals for every server of a round.
    command = [str(process.order.programs / "open_load"), f"127.0.0.1:{process.order.port}", str(BLOCKING_RATE),
               str(seconds), str(case.blocking_share), str(number), *map(str, kept)]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True,
                              timeout=seconds + _GRACE_SECONDS)
        return json.loads(done.stdout)
    except (subprocess.SubprocessError, ValueError) as error:
        raise GeneratorFailed(str(error)) from error


def run_reload(case: Case, start, setting, _round):
    """This case measures errors, so an error is not a problem."""
    with start() as process, IdleClients(process.order.port) as idle:
        process.await_answer("/hello", setting.body("/hello"))
        _warm_up(process, case.load, setting.body("/hello"))
        idle.grow_to(RELOAD_IDLE)
        before = process.cpu_seconds()
        with Generator(wrk, case.load, process.order, setting.seconds * case.lengths) as generator:
            reloads = _reload_each_second(process, generator)
            report = generator.report()
        cpu = process.cpu_seconds() - before
        kept = idle.count_kept()
    if not report.requests:
        return {}, report.problems(0)
    return {"rps": report.requests / report.seconds, "cpu": cpu / report.requests, "reloads": reloads,
            "errors": sum(report.errors.values()), "kept": kept}, []


def _reload_each_second(process, generator):
    due = time.monotonic() + 0.5
    reloads = 0
    while generator.running():
        if time.monotonic() >= due:
            process.reload()
            reloads += 1
            due += 1
        time.sleep(0.02)
    return reloads


def run_memory(case: Case, start, setting, _round):
    body = setting.body("/hello")
    with start(connections=_FEW) as process:
        process.await_answer("/hello", body)
        small = _settled_pss(process)
    values = {}
    with start() as process, IdleClients(process.order.port, tls=case.tls) as idle:
        process.await_answer("/hello", body)
        for level in MEMORY_LEVELS:
            idle.grow_to(level)
            values[f"pss_{level}"] = _settled_pss(process)
        kept = idle.count_kept()
    max_idle = MEMORY_LEVELS[-1]
    values["idle_bytes"] = (values[f"pss_{max_idle}"] - values["pss_0"]) / max_idle
    values["held_bytes"] = (values[f"pss_{max_idle}"] - small) / max_idle
    return values, [f"{max_idle - kept} of {max_idle} idle connections were closed"] if kept < max_idle else []


def _settled_pss(process):
    start = time.monotonic()
    last = process.pss_bytes()
    while (age := time.monotonic() - start) < _SETTLE_SECONDS[1]:
        time.sleep(0.25)
        now = process.pss_bytes()
        if age >= _SETTLE_SECONDS[0] and abs(now - last) <= _SETTLED * last:
            break
        last = now
    return now


RUNNERS = {"load": run_load, "blocking": run_blocking, "blocking_kept": run_blocking_kept, "reload": run_reload,
           "memory": run_memory, "beside_handshakes": run_beside_handshakes}
