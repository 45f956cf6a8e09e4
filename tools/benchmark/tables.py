"""A summary as text and as Markdown: medians of each server, ratios of preforkd to each peer, goals. Pure."""

from goals import goal_for, limits_of
from metrics import METRICS
from summary import BEST, OURS


def _cells(case, row):
    return [METRICS[key].text(row.values.get(key)) for key in case.columns]


def _ratio_text(case, ratio):
    """'0.70 (0.68 to 0.74), goal <= 0.72: met'"""
    said = f"{ratio.median:.2f}"
    if ratio.rounds > 1:
        said += f" ({ratio.lowest:.2f} to {ratio.highest:.2f})"
    goal = goal_for(case.name, ratio.peer, ratio.metric)
    return f"{said}, goal {goal.text()}: {goal.judge(ratio)}" if goal else said


def _ratios_to(table, peer, case):
    found = {ratio.metric: ratio for ratio in table.ratios if ratio.peer == peer}
    return {key: found[key] for key in case.ratios if key in found}


def _peers(table):
    """Of the rows, and the one that has ratios only."""
    return [row.server for row in table.rows] + ([BEST] if any(ratio.peer == BEST for ratio in table.ratios) else [])


def problems(table):
    """One line for each server that had problems."""
    for row in table.rows:
        if row.problems:
            count = len({problem.split(":")[0] for problem in row.problems})
            yield f"{row.server}: {count} of {row.good + count} rounds do not count; {'; '.join(row.problems[:3])}"


def limits(table):
    """One line for each limit that was measured."""
    ours = table.row(OURS)
    for limit in limits_of(table.case):
        if ours and limit.metric in ours.values:
            metric, value = METRICS[limit.metric], ours.values[limit.metric]
            yield (f"{OURS}: {metric.title} {metric.text(value)}, limit {metric.text(limit.bound)}: "
                   f"{limit.judge(value)}")


def text(case, table):
    grid = [["", *(METRICS[key].title for key in case.columns)]]
    grid += [[row.server, *_cells(case, row)] for row in table.rows]
    widths = [max(map(len, column)) for column in zip(*grid)]
    lines = [f"{case.name}: {case.title}"]
    for name, *cells in grid:
        aligned = (f"{cell:>{width}}" for cell, width in zip(cells, widths[1:]))
        lines.append("  ".join([f"  {name:<{widths[0]}}", *aligned]))
    for peer in _peers(table):
        said = [f"{METRICS[key].ratio} {_ratio_text(case, ratio)}"
                for key, ratio in _ratios_to(table, peer, case).items()]
        if said:
            lines.append(f"  preforkd to {peer}: {'; '.join(said)}")
    lines += [f"  {limit}" for limit in limits(table)]
    lines += [f"  ! {problem}" for problem in problems(table)]
    return "\n".join(lines) + "\n"


def markdown(case, table):
    ratio_titles = [f"preforkd's {METRICS[key].ratio}" for key in case.ratios]
    grid = [[f"**{case.name}**", *(METRICS[key].title for key in case.columns), *ratio_titles]]
    grid.append(["---", *("---:" for _ in case.columns), *("---" for _ in case.ratios)])
    for peer in _peers(table):
        row = table.row(peer)
        ratios = _ratios_to(table, peer, case)
        grid.append([peer, *(_cells(case, row) if row else [""] * len(case.columns)),
                     *(_ratio_text(case, ratios[key]) if key in ratios else "" for key in case.ratios)])
    lines = [f"{case.name}: {case.title}.", "", *(f"| {' | '.join(cells)} |" for cells in grid)]
    found = [*limits(table), *problems(table)]
    if found:
        lines += ["", *(f"- {problem}" for problem in found)]
    return "\n".join(lines) + "\n"
