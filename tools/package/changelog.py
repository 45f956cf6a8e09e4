"""Reads tools/package/CHANGELOG, the one home of what changed, and writes it as Debian's changelog.

    # 0.2.0, 2026-11-27

    What the version is, in a few lines.

    ## Topic

    - what changed, one line or more
      that are indented
"""

import datetime
import re
import textwrap
from typing import NamedTuple

_VERSION = re.compile(r"^# (\S+), (\d{4}-\d{2}-\d{2})$")


class Entry(NamedTuple):
    version: str
    date: str
    topics: list  # of (title or "", [text]); the first has no title and is what the version is

    @property
    def time(self):
        """The time of all files of the release: noon of that day, UTC, in seconds."""
        return int(datetime.datetime.fromisoformat(self.date + "T12:00:00+00:00").timestamp())


def _items(lines):
    """Paragraphs and list items, each as one line."""
    items, fresh = [], True
    for line in lines:
        if line.startswith("- ") or (fresh and line.strip()):
            items.append(line.removeprefix("- ").strip())
        elif line.strip():
            items[-1] += " " + line.strip()
        fresh = not line.strip()
    return items


def read_changelog(text):
    """All entries, the newest first. ValueError says what is wrong."""
    entries = []
    for block in re.split(r"^(?=# )", text, flags=re.MULTILINE)[1:]:
        head, _, body = block.partition("\n")
        match = _VERSION.match(head)
        if not match:
            raise ValueError(f"CHANGELOG: {head!r} is not '# VERSION, YYYY-MM-DD'")
        parts = re.split(r"^## (.*)$", body, flags=re.MULTILINE)
        topics = [("", _items(parts[0].splitlines()))]
        topics += [(title, _items(lines.splitlines())) for title, lines in zip(parts[1::2], parts[2::2])]
        if not all(items for _, items in topics):
            raise ValueError(f"CHANGELOG: an empty section in {match[1]}")
        entries.append(Entry(match[1], match[2], topics))
    if not entries:
        raise ValueError("CHANGELOG: no version")
    return entries


def debian_changelog(entries, maintainer):
    """As dpkg-parsechangelog reads it; no line is longer than 80 columns."""
    parts = []
    for entry in entries:
        lines = [f"preforkd ({entry.version}) stable; urgency=medium", ""]
        for title, items in entry.topics:
            lines += [f"  [ {title} ]"] if title else []
            for item in items:
                lines += textwrap.wrap(item.replace("`", ""), 78, initial_indent="  * ", subsequent_indent="    ",
                                       break_on_hyphens=False, break_long_words=False)
            lines.append("")
        day = datetime.datetime.fromtimestamp(entry.time, datetime.timezone.utc)
        parts.append("\n".join(lines) + f"\n -- {maintainer}  {day:%a, %d %b %Y %H:%M:%S} +0000\n")
    return "\n".join(parts)
