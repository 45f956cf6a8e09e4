"""Runs the points of growth_points.py: each is a server of its own, or several: started, loaded, stopped.

Owns all processes that it starts; none outlives its point, and each step has a time within which it must be
done.
"""

import contextlib
import re
import subprocess
import tempfile
import time
from pathlib import Path

import growth_points
import process_tree
from client import IdleClients, WrongAnswer, ask
from server_process import START_SECONDS, STOP_SECONDS, free_port
from wrk import SCRIPT

# A load ends by itself; its last answers may take a while.
_GRACE_SECONDS = 30
_SETTLE_SECONDS = 2.0  # connections are parked by then, also with the long stay of a newcomer
_WARM_UP = 200  # requests
_POLL = 0.01


class PointFailed(Exception):
    """A server did not start, an answer was wrong, a client was lost, or the load could not be made."""


def _await_answers(ports, process, log):
    deadline = time.monotonic() + START_SECONDS
    for port in ports:
        while True:
            with contextlib.suppress(WrongAnswer):
                if ask(port, "/hello", True).status == 200:
                    break
            if process.poll() is not None or time.monotonic() > deadline:
                raise PointFailed(f"it does not serve: {log.read_text(errors='replace').strip()[-400:]}")
            time.sleep(_POLL)


@contextlib.contextmanager
def _running(arguments, log):
    with log.open("w") as output:
        process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_ports(count):
    ports = set()
    while len(ports) < count:
        ports.add(free_port())
    return sorted(ports)


class Node:
    """A preforkd that serves. Made by node()."""

    def __init__(self, pid, ports, start_seconds):
        self.ports = ports  # one of each pool
        self.start_seconds = start_seconds
        self._pid = pid

    def cpu_seconds(self):
        """(of the master, of its workers)"""
        master = process_tree.parse_schedstat(Path(f"/proc/{self._pid}/schedstat").read_text())
        return master, process_tree.cpu_seconds(self._pid) - master

    def master_bytes(self):
        return process_tree.parse_pss(Path(f"/proc/{self._pid}/smaps_rollup").read_text())


@contextlib.contextmanager
def node(programs, size):
    with tempfile.TemporaryDirectory(prefix="preforkd-growth-") as name:
        folder = Path(name)
        ports = _free_ports(max(size.listeners, size.pools))
        (folder / "preforkd.toml").write_text(growth_points.config_of(size, folder, ports))
        begin = time.monotonic()
        log = folder / "log"
        with _running([programs / "preforkd_measured", "-c", folder / "preforkd.toml"], log) as process:
            _await_answers(ports[:size.pools], process, log)
            started = Node(process.pid, ports[:size.pools], time.monotonic() - begin)
            for i in range(_WARM_UP):
                ask(started.ports[i % size.pools], "/hello", True)
            yield started


@contextlib.contextmanager
def balancer(nodes):
    """HAProxy before the nodes; its port."""
    with tempfile.TemporaryDirectory(prefix="preforkd-growth-") as name:
        folder = Path(name)
        port = free_port()
        text = growth_points.haproxy_config(port, [one.ports[0] for one in nodes])
        (folder / "haproxy.cfg").write_text(text)
        with _running(["/usr/sbin/haproxy", "-db", "-f", folder / "haproxy.cfg"], folder / "log") as process:
            _await_answers([port], process, folder / "log")
            yield port


@contextlib.contextmanager
def idle_clients(ports, count):
    """Keeps `count` connections, over those ports; at the end each must still be there, and answer."""
    with contextlib.ExitStack() as stack:
        groups = [stack.enter_context(IdleClients(port)) for port in ports]
        for group, share in zip(groups, growth_points.shares(count, len(ports))):
            group.grow_to(share)
        if count:
            time.sleep(_SETTLE_SECONDS)
        yield
        if (kept := sum(group.count_kept() for group in groups)) != count:
            raise PointFailed(f"{count - kept} of {count} idle connections were closed")


def _wrk(port, seconds, clients, close):
    environment = {"PATH": "/usr/bin:/bin", **({"BENCH_CLOSE": "1"} if close else {})}
    return ["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "-s", SCRIPT,
            f"http://127.0.0.1:{port}/hello"], environment


def _open_load(programs, port, seconds, rate):
    return [programs / "open_load", f"127.0.0.1:{port}", str(rate), str(seconds), "0", "1"], None


def parse_answers(output):
    """How many correct answers the load generator has had: of the line of JSON of either."""
    found = re.search(r'"(?:requests|answered)": ?(\d+)', output)
    failed = re.search(r'"failed": ?(\d+)', output)
    if not found or int(found[1]) == 0 or (failed and int(failed[1])):
        raise PointFailed(f"the load generator said: {output.strip()[-300:]}")
    return int(found[1])


def _answers(loads, seconds):
    """Runs the loads at once."""
    running = [subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True, env=environment)
               for command, environment in loads]
    try:
        return sum(parse_answers(one.communicate(timeout=seconds + _GRACE_SECONDS)[0]) for one in running)
    except subprocess.TimeoutExpired as error:
        raise PointFailed("the load generator does not end") from error
    finally:
        for one in running:
            one.kill()
            one.communicate()


def _measure(dimension, value, nodes, loads, seconds):
    def used():
        return [sum(node_times) for node_times in zip(*(one.cpu_seconds() for one in nodes))]

    before, begin = used(), time.monotonic()
    answers = _answers(loads, seconds)
    took = time.monotonic() - begin
    spent = [now - then for now, then in zip(used(), before)]
    return growth_points.point_of(dimension, value, answers, took, spent, nodes[0].master_bytes(),
                                  nodes[0].start_seconds)


def measure(dimension, value, seconds, programs):
    size = growth_points.size_of(dimension, value)
    try:
        with contextlib.ExitStack() as stack:
            nodes = [stack.enter_context(node(programs, size)) for _ in range(size.nodes or 1)]
            if size.nodes:
                port = stack.enter_context(balancer(nodes))
                stack.enter_context(idle_clients([port], growth_points.FLEET_IDLE))
                loads = [_wrk(port, seconds, growth_points.FLEET_CLIENTS, False)]
            else:
                ports = nodes[0].ports
                stack.enter_context(idle_clients(ports, size.connections))
                clients = growth_points.CLIENTS // len(ports)
                loads = [_open_load(programs, port, seconds, size.requests / len(ports)) if size.requests
                         else _wrk(port, seconds, clients, True) for port in ports]
            return _measure(dimension, value, nodes, loads, seconds)
    except (WrongAnswer, OSError, RuntimeError) as error:
        raise PointFailed(f"{type(error).__name__}: {error}") from error
