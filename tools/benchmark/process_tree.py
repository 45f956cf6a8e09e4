"""The processes of one server, and what they use: CPU time and memory, from /proc.

CPU time is that of schedstat, in nanoseconds, of every task of every process that lives, and for those that have
ended meanwhile what the process that waited for them has inherited (cutime and cstime of stat, in ticks of 10 ms). A
process that ends moves from the one sum to the other, so the difference of two readings loses nobody; a server that
does not wait for its children, of which there is none here, would lose them.
"""

import os
import re
import time
from pathlib import Path

TICK = 1 / os.sysconf("SC_CLK_TCK")
_ATTEMPTS = 100
_PAUSE = 0.002


def parse_schedstat(text):
    """Seconds that the task has been on a CPU."""
    return int(text.split()[0]) / 1e9


def parse_stat(text):
    """Of /proc/PID/stat: (state, start time in ticks, CPU seconds of children that were waited for)."""
    # The name in parentheses may hold anything, parentheses too.
    fields = text[text.rindex(")") + 2:].split()
    return fields[0], int(fields[19]), (int(fields[13]) + int(fields[14])) * TICK


def parse_pss(text):
    """Bytes: of each page the share that falls to this process."""
    found = re.search(r"^Pss:\s+(\d+) kB$", text, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def read(path):
    """None when the process, or the task, is gone."""
    try:
        return Path(path).read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None


def tasks(pid):
    try:
        return os.listdir(f"/proc/{pid}/task")
    except (FileNotFoundError, ProcessLookupError):
        return []


def descendants(root):
    """Pids, `root` first; those that have ended and not been waited for among them."""
    found = [root]
    for pid in found:
        for task in tasks(pid):
            # A child that just came may be listed, and then its own list be read, twice: not counted twice.
            children = map(int, (read(f"/proc/{pid}/task/{task}/children") or "").split())
            found += [child for child in children if child not in found]
    return found


def members_of_session(leader):
    """Pids of those that live, the leader's among them, also when it is gone and they are no longer its descendants."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        text = read(f"/proc/{pid}/stat")
        if text and identity(pid) and int(text[text.rindex(")") + 2:].split()[3]) == leader:
            found.append(int(pid))
    return found


def identity(pid):
    """What tells a process from another that gets its pid later; None when it is gone, or ended and not waited for."""
    text = read(f"/proc/{pid}/stat")
    if text is None:
        return None
    state, start, _ = parse_stat(text)
    return None if state in "ZX" else (pid, start)


def _cpu_of(pid):
    """(seconds on a CPU, seconds inherited from the dead); None when it is gone."""
    stats = [read(f"/proc/{pid}/task/{task}/schedstat") for task in tasks(pid)]
    dead = _inherited(pid)
    if dead is None or not stats or None in stats:
        return None
    return sum(map(parse_schedstat, stats)), dead


def _inherited(pid):
    text = read(f"/proc/{pid}/stat")
    return None if text is None else parse_stat(text)[2]


def cpu_seconds(root):
    """Of the whole tree since it began, the dead included."""
    for _ in range(_ATTEMPTS):
        # Whoever ends while this reads would be counted twice or not at all: then it reads again.
        before = descendants(root)
        inherited = [_inherited(pid) for pid in before]
        found = [_cpu_of(pid) for pid in before]
        if None not in found and descendants(root) == before and inherited == [dead for _, dead in found]:
            return sum(own + dead for own, dead in found)
        time.sleep(_PAUSE)
    raise RuntimeError(f"the processes of {root} change faster than they can be counted")


def pss_bytes(root):
    return sum(parse_pss(read(f"/proc/{pid}/smaps_rollup") or "") for pid in descendants(root))
