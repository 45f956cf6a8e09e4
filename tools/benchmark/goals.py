"""Goals of preforkd: against its peers as ratios within one run, and limits of its own. Pure: tables and their evaluation."""

from dataclasses import dataclass

from summary import BEST

_SHORT = ("short-64", "short-1")
_STATIC = ("static-1k", "static-100k", "static-10m")
_KEPT = ("keepalive-64", "keepalive-512", "pipelined-16")
_PAUSING = ("idle-then-request", "idle-then-request-long")
_BOUNDED = ("bounded-short-64", "bounded-keepalive-64", "bounded-static-1k")
_TLS_HANDSHAKES = ("tls-handshake", "tls-resume")
_TLS_KEPT = ("tls-keepalive-64", "tls-100k", "tls-10m")


@dataclass(frozen=True)
class Goal:
    cases: tuple
    peer: str
    metric: str
    bound: float
    at_most: bool = True

    def text(self):
        return f"{'<=' if self.at_most else '>='} {self.bound:g}"

    def judge(self, ratio):
        """`ratio` is a summary.Ratio. If the bound is within its spread, the rounds did not agree."""
        met = ratio.median <= self.bound if self.at_most else ratio.median >= self.bound
        unclear = ratio.lowest < self.bound < ratio.highest
        return ("met" if met else "missed") + (", not in every round" if unclear else "")


@dataclass(frozen=True)
class Limit:
    """For a figure of preforkd's own, which depends on the machine so little that no peer is needed."""

    case: str
    metric: str
    bound: float

    def judge(self, median):
        return "met" if median <= self.bound else "missed"


def _at_least(cases, peer, metric, bound):
    return Goal(cases, peer, metric, bound, at_most=False)


GOALS = (
    Goal(("short-64",), "nginx", "cpu", 0.72),
    _at_least(("short-64",), "nginx", "rps", 1.15),
    Goal(("short-64",), "nginx-deferred", "cpu", 0.9),
    _at_least(("short-64",), "nginx-deferred", "rps", 1.05),
    Goal(("short-1",), "nginx", "cpu", 1.25),
    Goal(("short-1",), "nginx", "p50", 1.4),
    Goal(("workers-64",), "preforkd-2", "cpu", 1.1),
    Goal(("keepalive-64", "keepalive-512"), "nginx", "cpu", 0.8),
    _at_least(("keepalive-64",), "nginx", "rps", 1.0),
    # Bounds by client address cost at most 2 %.
    _at_least(_BOUNDED, "preforkd-bounded", "cpu", 0.98),
    Goal(_BOUNDED, "preforkd-bounded", "rps", 1.02),
    Goal(("module-event-64",), "nginx", "cpu", 1.05),
    Goal(("module-blocking-64",), "nginx", "cpu", 1.6),
    Goal(("static-100k",), "nginx", "cpu", 1.0),
    _at_least(("static-100k",), "nginx", "rps", 1.0),
    Goal(_SHORT + _KEPT + _STATIC, "apache", "cpu", 0.35),
    _at_least(_SHORT + _KEPT + _STATIC, "apache", "rps", 2.0),
    Goal(("blocking-2",), "nginx-perl", "p999", 0.5),
    Goal(("blocking-10",), "nginx-perl", "p99", 0.2),
    Goal(("blocking-kept",), BEST, "p99", 0.2),
    Goal(_PAUSING, "nginx", "cpu", 1.1),
    Goal(_PAUSING, "nginx", "p99", 1.2),
    Goal(("memory",), "nginx", "idle_bytes", 0.4),
    Goal(("memory",), "nginx", "held_bytes", 0.5),
    Goal(_TLS_HANDSHAKES, "nginx", "cpu", 1.05),
    Goal(_TLS_KEPT, "nginx", "cpu", 0.85),
    Goal(("tls-quick-beside-handshakes",), "nginx", "p99", 0.5),
)

LIMITS = (
    Limit("tls-memory", "idle_bytes", 600),
)


def goal_for(case, peer, metric):
    return next((goal for goal in GOALS if case in goal.cases and (goal.peer, goal.metric) == (peer, metric)), None)


def limits_of(case):
    return [limit for limit in LIMITS if limit.case == case]
