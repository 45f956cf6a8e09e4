"""A load: its clients and requests, and the report of a load generator (wrk.py, h2load.py, handshakes.py)."""

import json
from dataclasses import dataclass, field

_PERCENTILES = ("p50", "p99", "p999")


@dataclass(frozen=True)
class Load:
    clients: int
    path: str = "/hello"
    close: bool = False  # a connection for each request
    pipeline: int = 1  # requests in flight at once, per connection
    delay_ms: int = 0  # between an answer and the next request, on average
    tls: bool = False
    resume: bool = False  # with `tls` and `close`: the client resumes its last session
    rate: int = 0  # with `tls` and `close`: connections a second that arrive at random; 0: as many as there can be


@dataclass(frozen=True)
class LoadReport:
    requests: int  # answered
    seconds: float
    bytes: int  # received
    percentiles: dict = field(default_factory=dict)  # "p50", "p99", "p999" -> milliseconds, if reported
    errors: dict = field(default_factory=dict)  # kind -> count, only those above 0

    def problems(self, answer_size):
        """Why this report is not valid; `answer_size` is the size of one correct answer, header and body."""
        found = [f"{kind} errors: {count}" for kind, count in self.errors.items()]
        if not self.requests:
            found.append("no request was answered")
        elif self.bytes < self.requests * answer_size:
            found.append(f"answers are too short: {self.bytes / self.requests:.0f} bytes instead of {answer_size}")
        return found


class UnreadableReport(Exception):
    """The output of a generator that its parser does not understand."""


def url(load, port):
    return f"{'https' if load.tls else 'http'}://127.0.0.1:{port}{load.path}"


def parse_line(output, name, errors):
    """Of the line of JSON that our own additions print. `errors`: its members that count errors."""
    for line in output.splitlines():
        if line.startswith("bench {"):
            said = json.loads(line.removeprefix("bench "))
            return LoadReport(
                requests=said["requests"],
                seconds=said["seconds"],
                bytes=said["bytes"],
                percentiles={percentile: said[percentile] for percentile in _PERCENTILES},
                errors={kind: said[kind] for kind in errors if said[kind]},
            )
    raise UnreadableReport(f"{name} printed no measurement: {output.strip()[-300:]}")
