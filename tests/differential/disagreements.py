"""The table of known disagreements between preforkd and its peers, and what is wrong with it.

    [nginx] A reason: what the RFC says, and why we do what we do.
        name of a case | what preforkd saw | what the peer saw
        name of several cases | what preforkd saw | what the peer saw | x5

An empty line or one that begins with '#' means nothing.
"""

import re
from collections import Counter


class ReasonTable:
    def __init__(self, text):
        self.reasons = []
        self.known = Counter()  # (peer, "name | ours | theirs")
        peer = None
        for number, line in enumerate(text.splitlines(), 1):
            if not line.strip() or line.startswith("#"):
                continue
            if line.startswith("["):
                peer, _, reason = line[1:].partition("] ")
                assert peer in ("nginx", "h11") and reason, f"line {number}: no peer, or no reason"
                self.reasons.append(line)
                continue
            assert peer and line.startswith("    "), f"line {number}: a disagreement without a reason"
            entry, times = re.fullmatch(r" +(.+? \| .+? \| .+?)(?: \| x(\d+))?", line).groups()
            assert (peer, entry) not in self.known, f"line {number}: it has two reasons"
            self.known[peer, entry] = int(times or 1)

    def problems(self, found):
        """`found`: like `known`."""
        problems = []
        for peer, entry in sorted(found.keys() | self.known.keys()):
            times, known = found[peer, entry], self.known[peer, entry]
            if known == 0:
                problems.append(f"{peer}: no reason for: {entry}")
            elif times == 0:
                problems.append(f"{peer}: has a reason, and they agree, or there is no such case: {entry}")
            elif times != known:
                problems.append(f"{peer}: {times} times, and not {known}: {entry}")
        return problems

    def missing(self, found):
        """What has no reason, in the form of the table."""
        lines = []
        for (peer, entry), times in sorted(found.items()):
            if self.known[peer, entry] != times:
                lines.append(f"[{peer}]\n    {entry}" + (f" | x{times}" if times > 1 else ""))
        return "\n".join(lines)
