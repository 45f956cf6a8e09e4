"""What the rules of the tree need to know of a page: where its relative links lead, and which anchors it has."""

import posixpath
import re

_FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
# Indented blocks, and code within a line: what looks like a link there is none.
_CODE = re.compile(r"^ {4}[^\n]*|``[^\n]*?``|`[^`\n]*`", re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.*?)\s*$", re.MULTILINE)


def _blank(match):
    return "\n" * match[0].count("\n")  # line numbers stay what they were


class MarkdownPage:
    """One Markdown file. `path` is relative to the root of the tree."""

    def __init__(self, path, text):
        self.path = path
        self.text = text
        without_blocks = _FENCED.sub(_blank, text)
        prose = _CODE.sub(_blank, without_blocks)
        # (link, "PATH:LINE") of each that leads neither to another site nor to a mailbox.
        self.links = [(match[1], f"{path}:{prose.count(chr(10), 0, match.start()) + 1}")
                      for match in _LINK.finditer(prose) if not re.match(r"[a-z]+:", match[1])]
        # Named as GitHub names them.
        self.anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
                        for heading in _HEADING.findall(without_blocks)}

    def target(self, link):
        """The file that a link leads to, relative to the root, or None outside of the tree; and the anchor in it."""
        name, _, anchor = link.partition("#")
        path = posixpath.normpath(posixpath.join(posixpath.dirname(self.path), name)) if name else self.path
        return (None if path.startswith(("..", "/")) else path), anchor
