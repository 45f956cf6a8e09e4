"""What tools/benchmark/growth measures, and how it is shown. Pure.

Each dimension is changed alone; the rest stays as in BASE. A point is one value of a dimension.
"""

import statistics
from dataclasses import dataclass, replace

import chart


@dataclass(frozen=True)
class Size:
    workers: int = 4  # of all pools together
    pools: int = 1
    listeners: int = 4
    connections: int = 0  # idle ones beside the load
    requests: int = 0  # a second; 0: as many as the clients of wrk get
    nodes: int = 0  # behind HAProxy; 0: one server, which is asked directly


BASE = Size()
CLIENTS = 16  # of wrk
FLEET_CLIENTS = 256  # of HAProxy, that ask
FLEET_IDLE = 18000  # of HAProxy, that are idle
DIMENSIONS = {
    "workers": (1, 4, 16, 64),
    "pools": (1, 2, 4),
    "listeners": (4, 10, 100, 1000),
    "connections": (0, 1000, 6000, 18000),
    "requests": (1000, 2000, 5000, 10000, 20000),
    "nodes": (1, 3),
    # All at once, with as many idle connections as its value.
    "all": (0, 18000),
}


@dataclass(frozen=True)
class Point:
    """What one run of a server has given; `of_cpu` is the share of one CPU."""

    dimension: str
    value: int
    rate: float  # requests a second
    master_us: float  # CPU time of the master for each request
    workers_us: float
    master_of_cpu: float
    master_bytes: int
    start_seconds: float


def size_of(dimension, value):
    if dimension == "all":
        return Size(workers=64, pools=4, listeners=1000, connections=value)
    return replace(BASE, **{dimension: value})


def shares(count, parts):
    """`count` in as many whole numbers, which differ by one at most."""
    return [count // parts + (i < count % parts) for i in range(parts)]


def config_of(size, folder, ports):
    """`ports`: as many as listeners; the pools have them by turns, so the first ones are one of each."""
    pools = [f"pool{i}" for i in range(size.pools)]
    lines = [f'control = "{folder}/control.sock"', "[log]", 'level = "notice"']
    for pool, workers in zip(pools, shares(size.workers, size.pools)):
        lines += [f"[pool.{pool}]", f"workers = {workers}", f"workers_max = {workers}",
                  f"[service.{pool}]", 'type = "measured"', f'pool = "{pool}"', 'keepalive_timeout = "300s"']
    for i, port in enumerate(ports):
        lines += ["[[listen]]", f'address = "127.0.0.1:{port}"', f'service = "{pools[i % size.pools]}"']
    return "\n".join(lines) + "\n"


def haproxy_config(port, nodes):
    """`nodes`: their ports. It keeps its connections to them; clients keep theirs to it."""
    servers = "".join(f"  server node{i} 127.0.0.1:{node}\n" for i, node in enumerate(nodes))
    return f"""\
global
  maxconn {FLEET_IDLE + FLEET_CLIENTS + 100}
  no strict-limits
  nbthread 1
defaults
  mode http
  timeout client 300s
  timeout http-keep-alive 300s
  timeout server 30s
  timeout connect 5s
frontend web
  bind 127.0.0.1:{port} backlog 4096
  default_backend nodes
backend nodes
  http-reuse always
{servers}"""


def point_of(dimension, value, answers, seconds, used, master_bytes, start_seconds):
    """`used`: CPU seconds (of the masters, of the workers)."""
    master, workers = used
    return Point(dimension, value, answers / seconds, master / answers * 1e6, workers / answers * 1e6,
                 master / seconds, master_bytes, start_seconds)


def medians(points):
    """One point for each value, in the order of DIMENSIONS, with (lowest, highest) of the master's time."""
    found = []
    for dimension, values in DIMENSIONS.items():
        for value in values:
            runs = [point for point in points if (point.dimension, point.value) == (dimension, value)]
            if not runs:
                continue
            figures = {name: statistics.median(getattr(run, name) for run in runs)
                       for name in Point.__dataclass_fields__ if name != "dimension"}
            times = [run.master_us for run in runs]
            found.append((Point(dimension, **{**figures, "value": value}), (min(times), max(times))))
    return found


def markdown(points):
    lines = ["| grows | to | requests/s | master, us/request | workers, us/request | master, of one CPU "
             "| its memory | start |", "| --- | ---: | ---: | --- | ---: | ---: | ---: | ---: |"]
    for point, (lowest, highest) in medians(points):
        lines.append(
            f"| {point.dimension} | {point.value:,} | {point.rate:,.0f} "
            f"| {point.master_us:.1f} ({lowest:.1f} to {highest:.1f}) | {point.workers_us:.1f} "
            f"| {point.master_of_cpu:.0%} | {point.master_bytes / 2**20:.1f} MiB "
            f"| {point.start_seconds:.2f} s |")
    return "\n".join(lines) + "\n"


def in_short(point):
    return (f"{point.dimension:<11} {point.value:>6,}  {point.rate:>7,.0f} requests/s, master "
            f"{point.master_us:.1f} us/request, {point.master_of_cpu:.0%} of one CPU")


def svg(points, subtitle):
    """A bar for each value, by dimension: time for each request, and memory."""
    found = [point for point, _ in medians(points)]

    def panel(title, digits, figure):
        groups = [(dimension, [(f"{point.value:,}", figure(point)) for point in found
                               if point.dimension == dimension]) for dimension in DIMENSIONS]
        return chart.Panel(title, "shorter is better", groups, digits)

    shown = [panel("CPU time of the master for each request, us", 1, lambda point: point.master_us),
             panel("Memory of the master, MiB", 1, lambda point: point.master_bytes / 2**20)]
    return chart.draw("What the master costs as a server grows", subtitle,
                      [one for one in shown if one.groups])
