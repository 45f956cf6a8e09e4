"""A whole run in its four forms: text, Markdown, JSON, SVG. Pure; segments and machine in, text out."""

import json
from dataclasses import asdict, dataclass

import chart
import machine
import tables
from metrics import METRICS
from summary import noise, summarize

# From this spread on, a difference of some per cent is not significant.
WIDE_SPREAD = 0.15


@dataclass(frozen=True)
class Run:
    machine: dict  # machine.describe(), and `others` of its Watch
    versions: dict  # server or tool -> version
    rounds: int
    seconds: int
    generator: str  # with its version
    cases: tuple  # (case, names of its servers) of the cases that were run
    segments: tuple
    notes: tuple = ()

    def tables(self):
        return [(case, summarize(case.name, servers, [one for one in self.segments if one.case == case.name],
                                 case.best_of)) for case, servers in self.cases]

    def how(self):
        return (f"Medians of {self.rounds} {'round' if self.rounds == 1 else 'rounds'} of {self.seconds} s; ratios are "
                "those within a round, median (lowest to highest).")


def warnings(run):
    found = [*run.notes, *machine.warnings(run.machine)]
    widest = noise([table for _, table in run.tables()])
    if widest and widest[0] > WIDE_SPREAD:
        spread, case, server, metric = widest
        found.append(f"the widest spread between rounds is {spread:.0%} ({case}, {server}, {METRICS[metric].title}): "
                     "the machine did other work meanwhile, or the rounds are too short")
    return found


def as_text(run):
    lines = [machine.text(run.machine), f"{_versions(run)}; asked by {run.generator}", run.how(), ""]
    lines += [tables.text(case, table) for case, table in run.tables()]
    lines += [f"warning: {line}" for line in warnings(run)]
    return "\n".join(lines).rstrip("\n") + "\n"


def as_markdown(run):
    lines = [f"`tools/bench`, {machine.text(run.machine)}; {_versions(run)}; asked by {run.generator}. {run.how()}", ""]
    lines += [tables.markdown(case, table) for case, table in run.tables()]
    lines += [f"Warning: {line}.\n" for line in warnings(run)]
    return "\n".join(lines).rstrip("\n") + "\n"


def as_json(run):
    document = {
        "machine": run.machine,
        "versions": run.versions,
        "rounds": run.rounds,
        "seconds": run.seconds,
        "generator": run.generator,
        "warnings": warnings(run),
        "cases": {case.name: {"title": case.title, **asdict(table)} for case, table in run.tables()},
        "segments": [asdict(segment) for segment in run.segments],
    }
    return json.dumps(document, indent=1) + "\n"


def as_svg(run):
    return chart.svg("preforkd and its peers", f"tools/bench, {machine.text(run.machine)}",
                     [table for _, table in run.tables()])


def _versions(run):
    return ", ".join(f"{name} {version}" for name, version in run.versions.items())
