"""The metrics: names, units, format. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    key: str
    title: str  # heading of its column
    digits: int = 0  # after the decimal point
    ratio: str = ""  # name of the ratio of preforkd to a peer; "": the ratio has no meaning
    scale: float = 1.0  # from the measured unit to the printed one
    more_is_better: bool = False

    def text(self, value):
        return "-" if value is None else f"{value * self.scale:,.{self.digits}f}"


_ALL = (
    Metric("rps", "requests/s", ratio="throughput", more_is_better=True),
    Metric("cpu", "CPU us/request", 2, ratio="CPU per request", scale=1e6),
    Metric("p50", "p50 ms", 2, ratio="p50"),
    Metric("p99", "p99 ms", 2, ratio="p99"),
    Metric("p999", "p99.9 ms", 2, ratio="p99.9"),
    Metric("worst", "worst ms", 1),
    Metric("handshakes", "handshakes/s"),
    Metric("failed", "failed %", 2, scale=100),
    Metric("held", "of 400 kept"),
    Metric("pss", "memory MiB", 1, scale=1 / 1024**2),
    Metric("pss_0", "MiB, none idle", 1, scale=1 / 1024**2),
    Metric("pss_1000", "MiB, 1,000", 1, scale=1 / 1024**2),
    Metric("pss_15000", "MiB, 15,000", 1, scale=1 / 1024**2),
    Metric("idle_bytes", "bytes/idle connection", ratio="memory per idle connection"),
    Metric("held_bytes", "reserve included", ratio="memory per idle connection, reserve included"),
    Metric("reloads", "reloads"),
    Metric("errors", "errors"),
    Metric("kept", "of 200 idle kept"),
)
METRICS = {metric.key: metric for metric in _ALL}
