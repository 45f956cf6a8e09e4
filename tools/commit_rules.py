#!/usr/bin/env python3
"""tools/commit_rules.py [RANGE]: the messages of new commits are in the form of the Linux and nginx projects.

Without a RANGE: every commit since the one that brought this file. The first line is `area: what this changes`, at most
72 characters; then a blank line; then what was wrong and why this is the right change."""

import re
import subprocess
import sys
from pathlib import Path

MAX_SUBJECT = 72
MAX_BODY = 100
ROOT = Path(__file__).resolve().parent.parent

# An area is a folder or a concept: "http", "tests/process", "http, config".
_SUBJECT = re.compile(r"[a-z][\w./+-]*(, [a-z][\w./+-]*)*: \S.*")
_UNFINISHED = re.compile(r"\b(wip|fixup!|squash!|tmp|todo)\b|^(fixup|squash)!", re.IGNORECASE)


def problems_of(message):
    """What is wrong with a commit message; empty if nothing is."""
    lines = message.rstrip("\n").split("\n")
    subject, rest = lines[0], lines[1:]
    problems = []
    if not _SUBJECT.fullmatch(subject):
        problems.append("the first line is not 'area: what this changes'")
    if len(subject) > MAX_SUBJECT:
        problems.append(f"the first line has {len(subject)} characters, at most {MAX_SUBJECT}")
    if subject.endswith("."):
        problems.append("the first line ends with a full stop")
    if _UNFINISHED.search(subject):
        problems.append("work in progress does not come to main")
    if not rest or rest[0] != "":
        problems.append("no blank line after the first")
    if not any(line.strip() for line in rest[1:]):
        problems.append("no body: what was wrong, and why this is the right change")
    problems += [f"line {number} has {len(line)} characters, at most {MAX_BODY}"
                 for number, line in enumerate(rest, 2) if len(line) > MAX_BODY]
    return problems


def git(*words):
    # The clone may be another user's (CI): git reads it only when told that this is meant.
    command = ["git", "-c", f"safe.directory={ROOT}", "-C", str(ROOT), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def new_commits():
    """The range that the rules hold for: what came after this file did."""
    here = Path(__file__).resolve().relative_to(ROOT).as_posix()
    added = git("log", "--diff-filter=A", "--format=%H", "--", here).split()
    return f"{added[-1]}..HEAD" if added else "HEAD..HEAD"


def main(words):
    if not (ROOT / ".git").exists():
        print("not a git clone: there are no commits to check")
        return 0
    bad = 0
    for commit in git("rev-list", "--no-merges", words[0] if words else new_commits()).split():
        message = git("log", "-1", "--format=%B", commit)
        for problem in problems_of(message):
            print(f"{commit[:10]} {message.splitlines()[0]!r}: {problem}")
            bad += 1
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
