"""From rounds to one table: medians, and the ratios of preforkd to each peer within a round. Pure.

A segment with a problem is no figure: it is counted, said, and left out of medians and ratios.
"""

from dataclasses import dataclass, field
from statistics import median

from metrics import METRICS

OURS = "preforkd"
# Stands for the best of some peers, another one in each round.
BEST = "the best with as many workers"


@dataclass(frozen=True)
class Segment:
    """The result of one server in one round of one case."""

    case: str
    round: int
    server: str
    values: dict = field(default_factory=dict)  # metric -> number
    problems: tuple = ()


@dataclass(frozen=True)
class Ratio:
    """The ratio of preforkd to a peer: both measured in the same round, one after the other."""

    peer: str
    metric: str
    median: float
    lowest: float
    highest: float
    rounds: int


@dataclass(frozen=True)
class Row:
    server: str
    values: dict  # metric -> median
    spreads: dict  # metric -> (highest - lowest) / median
    good: int  # number of rounds without a problem
    problems: tuple  # "round 2: problem" of the other rounds


@dataclass(frozen=True)
class Table:
    case: str
    rows: tuple
    ratios: tuple

    def row(self, server):
        return next((row for row in self.rows if row.server == server), None)


def summarize(case, servers, segments, best_of=()) -> Table:
    """`segments` of this case; the rows are in the order of `servers`. `best_of`: those whose best is a peer, too."""
    rows = tuple(_row(server, [one for one in segments if one.server == server]) for server in servers)
    peers = [(peer, (peer,)) for peer in servers if peer != OURS] + ([(BEST, best_of)] if best_of else [])
    ratios = tuple(ratio for name, names in peers for ratio in _ratios(name, names, segments))
    return Table(case, rows, ratios)


def _row(server, segments):
    good = [one for one in segments if not one.problems]
    columns = {key: [one.values[key] for one in good if key in one.values] for key in METRICS}
    columns = {key: values for key, values in columns.items() if values}
    return Row(
        server,
        values={key: median(values) for key, values in columns.items()},
        spreads={key: (max(values) - min(values)) / median(values) for key, values in columns.items()
                 if median(values)},
        good=len(good),
        problems=tuple(f"round {one.round}: {problem}" for one in segments for problem in one.problems),
    )


def _ratios(peer, names, segments):
    """Those to the best of `names` in each round, as `peer`."""
    good = {(one.server, one.round): one.values for one in segments if not one.problems}
    rounds = [(values, [good[name, number] for name in names if (name, number) in good])
              for (server, number), values in good.items() if server == OURS]
    for key, metric in METRICS.items():
        best = max if metric.more_is_better else min
        pairs = [(ours.get(key), best((theirs[key] for theirs in peers if theirs.get(key)), default=None))
                 for ours, peers in rounds]
        found = [ours / theirs for ours, theirs in pairs if ours and theirs]
        if metric.ratio and found:
            yield Ratio(peer, key, median(found), min(found), max(found), len(found))


def noise(tables):
    """The widest spread of any server's CPU per request or throughput: (spread, case, server, metric), or None."""
    found = [(row.spreads[key], table.case, row.server, key) for table in tables for row in table.rows
             for key in ("cpu", "rps") if row.good > 1 and key in row.spreads]
    return max(found, default=None)
