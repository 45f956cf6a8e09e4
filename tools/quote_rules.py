"""Quotes of source in pages are what the source says.

A code block behind a line `<!-- from PATH -->` is in that file, character by character."""

import re
from pathlib import Path
from typing import NamedTuple

FOLDERS = ("master", "worker", "common", "tests", "tools")
_QUOTE = re.compile(r"^<!-- from (?P<path>\S+) -->\n+```\w*\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


class Finding(NamedTuple):
    where: str
    text: str

    def __str__(self):
        return f"{self.where}: {self.text}"


def quotes_in(page):
    """(path, quoted text, line of the page) of each quote."""
    return [(match["path"], match["text"], page.count("\n", 0, match.start()) + 1) for match in _QUOTE.finditer(page)]


def findings_in(root, name, page):
    quotes = quotes_in(page)
    if len(quotes) != page.count("<!-- from "):
        yield Finding(name, "a line <!-- from PATH --> has no code block behind it")
    for path, text, line in quotes:
        file = Path(root) / path
        if not file.is_file():
            yield Finding(f"{name}:{line}", f"quotes {path}, which does not exist")
        elif text not in file.read_text():
            yield Finding(f"{name}:{line}", f"{path} does not say this any more: quote it again")


def pages_of(root):
    root = Path(root)
    paths = [path for folder in FOLDERS for path in (root / folder).rglob("*.md")] + list(root.glob("*.md"))
    return {path.relative_to(root).as_posix(): path.read_text() for path in sorted(paths)}


def check_tree(root):
    return [finding for name, page in pages_of(root).items() for finding in findings_in(root, name, page)]
