"""A load: its clients and requests, and the report of a load generator (wrk.py, h2load.py)."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Load:
    clients: int
    path: str = "/hello"
    close: bool = False  # a connection for each request
    pipeline: int = 1  # requests in flight at once, per connection
    delay_ms: int = 0  # between an answer and the next request, on average


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
