"""A summary as a bar chart in SVG, readable on light and on dark background. Pure."""

from html import escape

from summary import OURS

WIDTH = 860
_LEFT = 300  # where bars begin; names are to the left
_RIGHT = 130  # for the numbers behind the bars
_ROW = 20
_BAR = 13
_MARGIN = 24

# Own colours for both backgrounds: an SVG in <img> gets no style from its page.
_STYLE = """
  svg { --ground: #ffffff; --ink: #1f2328; --soft: #59636e; --ours: #0b6bcb; --peer: #aab4bf; --line: #d1d9e0; }
  @media (prefers-color-scheme: dark) {
    svg { --ground: #0d1117; --ink: #f0f6fc; --soft: #9198a1; --ours: #4aa3ff; --peer: #58626d; --line: #3d444d; }
  }
  text { font: 13px system-ui, "DejaVu Sans", sans-serif; fill: var(--ink); }
  .title { font-size: 17px; font-weight: 600; }
  .panel { font-size: 14px; font-weight: 600; }
  .soft { fill: var(--soft); font-size: 12px; }
  .name { text-anchor: end; }
  .ground { fill: var(--ground); }
  .peer { fill: var(--peer); }
  .ours { fill: var(--ours); }
  .line { stroke: var(--line); stroke-width: 1; }
"""


class Panel:
    """Bars of one unit. `groups`: (name, [(server, value)]); no bar is longer than `max_value`."""

    def __init__(self, title, note, groups, digits, max_value=None):
        self.title = title
        self.note = note
        self.groups = [(name, bars) for name, bars in groups if len(bars) > 1]
        self.digits = digits
        values = [value for _, bars in self.groups for _, value in bars]
        self.max_value = min(max_value, max(values)) if max_value and values else max(values, default=0)

    def height(self):
        return 52 + sum(10 + _ROW * len(bars) for _, bars in self.groups)


def panels(tables):
    """The panels for which the measured cases have figures."""
    found = (
        Panel("CPU time of all processes per request, preforkd = 1", "shorter is better; bars end at 4",
              [(table.case, _relative(table, "cpu")) for table in tables
               if table.case not in ("reload", "blocking-kept")], 2, max_value=4),
        Panel("Requests a second, preforkd = 1", "longer is better",
              [(table.case, _relative(table, "rps")) for table in tables
               if table.case != "reload" and not table.case.startswith("idle-then-request")], 2),
        Panel("Quick requests beside blocking ones: p99.9, ms", "shorter is better; bars end at 250",
              [(table.case, _medians(table, "p999")) for table in tables if table.case.startswith("blocking")], 1,
              max_value=250),
        Panel("Memory per idle connection, bytes", "shorter is better",
              [(table.case, _medians(table, "idle_bytes")) for table in tables], 0),
    )
    return [panel for panel in found if panel.groups]


def _relative(table, metric):
    bars = [(ratio.peer, 1 / ratio.median) for ratio in table.ratios if ratio.metric == metric]
    return [(OURS, 1.0), *bars] if bars else []


def _medians(table, metric):
    return [(row.server, row.values[metric]) for row in table.rows if metric in row.values]


def svg(title, subtitle, tables):
    return draw(title, subtitle, panels(tables))


def draw(title, subtitle, shown):
    """`shown`: Panels, from top to bottom."""
    drawn = []
    top = _MARGIN + 62
    for panel in shown:
        drawn += _panel(panel, top)
        top += panel.height()
    body = "\n".join(drawn)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{top}" viewBox="0 0 {WIDTH} {top}" '
            f'role="img" aria-label="{escape(title)}">\n<style>{_STYLE}</style>\n'
            f'<rect class="ground" width="{WIDTH}" height="{top}"/>\n'
            f'{_text(_MARGIN, _MARGIN + 16, title, "title")}\n{_text(_MARGIN, _MARGIN + 38, subtitle, "soft")}\n'
            f'{body}\n</svg>\n')


def _panel(panel, top):
    yield f'<line class="line" x1="{_MARGIN}" y1="{top}" x2="{WIDTH - _MARGIN}" y2="{top}"/>'
    yield _text(_MARGIN, top + 24, panel.title, "panel")
    yield _text(WIDTH - _MARGIN, top + 24, panel.note, "soft name")
    y = top + 36
    for name, bars in panel.groups:
        yield _text(_MARGIN, y + 17, name, "")
        for server, value in bars:
            yield from _bar(panel, server, value, y + 5)
            y += _ROW
        y += 10


def _bar(panel, server, value, y):
    full = WIDTH - _LEFT - _RIGHT
    width = max(1.0, full * min(value, panel.max_value) / panel.max_value)
    kind = "ours" if server == OURS else "peer"
    number = f"{value:,.{panel.digits}f}" + (" \N{RIGHTWARDS ARROW}" if value > panel.max_value else "")
    yield _text(_LEFT - 10, y + 11, server, "name" if server == OURS else "name soft")
    yield f'<rect class="{kind}" x="{_LEFT}" y="{y}" width="{width:.1f}" height="{_BAR}" rx="2"/>'
    yield _text(_LEFT + width + 8, y + 11, number, "" if server == OURS else "soft")


def _text(x, y, text, kind):
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}">{escape(text)}</text>'
