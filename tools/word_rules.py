"""Words that were given up, because the trade has one of its own; master/README.md has the glossary.

A family of metaphors is a second language to learn: a reader on call must not have to. Identifiers count too, word by
word: OnDeath and on_death are caught, deadline is not."""

import re
from pathlib import Path
from typing import NamedTuple

# word, as a regular expression: what to write instead
GIVEN_UP = {
    r"heirs?|bequeath\w*|inheritance|adopt(s|ed|ing|ion)?": "save, restore",
    r"bur(y|ies|ied)|obituary|post-?mortem|last words": "exit report, exits",
    r"di(e|es|ed)|dying|deaths?|dead": "exits, ended, crashes, is killed",
    r"pulses?": "heartbeat, activity",
    r"strangers?": "others, a client without rights, unknown",
    r"composure|mood|peace": "say what is meant",
    r"brisk(ly|ness)?": "fast",
    r"held up": "slow, blocked",
    r"distrust\w*": "untrusted, invalid",
    r"patience": "timeout",
    r"anew": "again",
    r"who(m|so)?ever": "the process that, any client that",
}
SUFFIXES = {".h", ".cc", ".c", ".py", ".sh", ".md", ".bazel", ".bzl", ".rs", ".toml", ".in", ".yml", ".json", ".service", ".socket"}
FOLDERS = ("master", "worker", "common", "tests", "tools")
# These name the words themselves.
EXEMPT = {"tools/word_rules.py", "tools/word_rules_test.py"}

_WORDS = {re.compile(rf"(?<![a-z])({pattern})(?![a-z])", re.IGNORECASE): instead
          for pattern, instead in GIVEN_UP.items()}
_ANY = re.compile("|".join(word.pattern for word in _WORDS), re.IGNORECASE)


class Finding(NamedTuple):
    where: str
    word: str
    instead: str

    def __str__(self):
        return f"{self.where}: '{self.word}' was given up; write: {self.instead}"


def _separated(line):
    """OnDeath -> On Death, on_death -> on death: each part of an identifier is a word."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|_", " ", line)


def findings_in(path, text):
    if not _ANY.search(_separated(text)):
        return
    for number, line in enumerate(text.split("\n"), 1):
        for word, instead in _WORDS.items():
            for match in word.finditer(_separated(line)):
                yield Finding(f"{path}:{number}", match[0], instead)


def files_of(root):
    paths = [path for folder in FOLDERS for path in (root / folder).rglob("*") if path.is_file()]
    for path in sorted(paths + list(root.glob("*.md"))):
        name = path.relative_to(root).as_posix()
        if name in EXEMPT or "__pycache__" in name or name.startswith("tests/fuzz/corpus/"):  # bytes, no prose
            continue
        if path.suffix in SUFFIXES or "/man/" in name or not path.suffix:
            yield name, path.read_text(errors="replace")


def check_tree(root):
    return [finding for name, text in files_of(Path(root)) for finding in findings_in(name, text)]
