"""The processes of one server, and what they use: CPU time and memory, from /proc.

CPU time of running processes is that of schedstat, in nanoseconds, of every task. For processes that have ended it is
the time that the kernel added to the process that waited for them (cutime and cstime of stat, in ticks of 10 ms). A
process that ends moves from one sum to the other, so the difference of two readings loses none. A server that does not
wait for its children would lose them; there is none here.
"""

import os
import re
import time
from pathlib import Path

TICK = 1 / os.sysconf("SC_CLK_TCK")
_ATTEMPTS = 100
_PAUSE = 0.002


def parse_schedstat(text):
    """Seconds of CPU time of the task."""
    return int(text.split()[0]) / 1e9


def parse_stat(text):
    """From /proc/PID/stat: (state, start time in ticks, CPU seconds of children that were waited for)."""
    # The name in parentheses may contain anything, including parentheses.
    fields = text[text.rindex(")") + 2:].split()
    return fields[0], int(fields[19]), (int(fields[13]) + int(fields[14])) * TICK


def parse_pss(text):
    """Bytes; of a page shared by N processes this counts one Nth."""
    found = re.search(r"^Pss:\s+(\d+) kB$", text, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def read(path):
    """None if the process or the task does not exist any more."""
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
    """Pids, `root` first, including zombies."""
    found = [root]
    for pid in found:
        for task in tasks(pid):
            # The list of a new child can be read twice, once directly and once as a child's: not counted twice.
            children = map(int, (read(f"/proc/{pid}/task/{task}/children") or "").split())
            found += [child for child in children if child not in found]
    return found


def members_of_session(leader):
    """Pids of the running processes of the session, even if the leader has ended."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        text = read(f"/proc/{pid}/stat")
        if text and identity(pid) and int(text[text.rindex(")") + 2:].split()[3]) == leader:
            found.append(int(pid))
    return found


def identity(pid):
    """Distinguishes a process from a later one with the same pid; None if it has ended, or is a zombie."""
    text = read(f"/proc/{pid}/stat")
    if text is None:
        return None
    state, start, _ = parse_stat(text)
    return None if state in "ZX" else (pid, start)


def _cpu_of(pid):
    """(own CPU seconds, CPU seconds of its ended children); None if it does not exist any more."""
    stats = [read(f"/proc/{pid}/task/{task}/schedstat") for task in tasks(pid)]
    of_children = _children_cpu(pid)
    if of_children is None or not stats or None in stats:
        return None
    return sum(map(parse_schedstat, stats)), of_children


def _children_cpu(pid):
    text = read(f"/proc/{pid}/stat")
    return None if text is None else parse_stat(text)[2]


def cpu_seconds(root):
    """CPU seconds of the whole tree since its start, including ended processes."""
    for _ in range(_ATTEMPTS):
        # A process that ends meanwhile would be counted twice or not at all: read again then.
        before = descendants(root)
        of_children = [_children_cpu(pid) for pid in before]
        found = [_cpu_of(pid) for pid in before]
        if None not in found and descendants(root) == before and of_children == [ended for _, ended in found]:
            return sum(own + ended for own, ended in found)
        time.sleep(_PAUSE)
    raise RuntimeError(f"the processes of {root} change faster than they can be counted")


def pss_bytes(root):
    return sum(parse_pss(read(f"/proc/{pid}/smaps_rollup") or "") for pid in descendants(root))
