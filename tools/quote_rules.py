"""Quotes of source in pages are what the source says.

A code block behind a line `<!-- from PATH -->` is in that file, character by character."""

import re
from pathlib import Path
from typing import NamedTuple

from layout_rules import read_pages

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


def check_tree(root):
    root = Path(root)
    return [finding for page in read_pages(root).values() for finding in findings_in(root, page.path, page.text)]
