"""The conditions of a measurement: the machine, its load, the versions, the date."""

import os
import re
import resource
import subprocess
import time
from pathlib import Path

# Share of CPU time used by other processes from which the figures are not reliable.
_MUCH = 0.04


def parse_cpu_model(cpuinfo):
    found = re.search(r"^model name\s*: (.*)$", cpuinfo, re.MULTILINE)
    return found[1].strip() if found else "unknown processor"


def describe():
    """At the start of a run; `others` of a Watch is added at its end."""
    return {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "cpu": parse_cpu_model(Path("/proc/cpuinfo").read_text()),
        "cores": len(os.sched_getaffinity(0)),
        "virtual": "hypervisor" in Path("/proc/cpuinfo").read_text(),
        "kernel": f"{os.uname().sysname} {os.uname().release}",
        "load_average": os.getloadavg()[0],
    }


def parse_busy(stat):
    """CPU seconds of all processes of the machine since it started, of /proc/stat."""
    user, nice, system = stat.splitlines()[0].split()[1:4]
    return (int(user) + int(nice) + int(system)) / os.sysconf("SC_CLK_TCK")


class Watch:
    """CPU use of other processes meanwhile. Call it once at the end, when all our processes have been waited for."""

    def __init__(self):
        self._start = self._reading()

    def others(self):
        """The share of the machine's CPU time that was neither idle nor ours: 0 to 1."""
        time_passed, busy, ours = (end - start for start, end in zip(self._start, self._reading()))
        return max(0.0, busy - ours) / (time_passed * len(os.sched_getaffinity(0)))

    @staticmethod
    def _reading():
        usages = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        ours = sum(usage.ru_utime + usage.ru_stime for usage in usages)
        return time.monotonic(), parse_busy(Path("/proc/stat").read_text()), ours


def parse_version(output):
    """'HAProxy version 2.6.12-1 2026/10/17' -> '2.6.12-1'"""
    found = re.search(r"\d+\.\d+[\w.+~-]*", output)
    return found[0] if found else "unknown"


def version(command):
    """The version that a program prints."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=30, check=False)
    except (OSError, subprocess.SubprocessError) as error:
        return f"unknown ({error})"
    return parse_version(done.stdout)


def text(machine):
    kind = "virtual machine, " if machine["virtual"] else ""
    return f"{machine['date']}, {kind}{machine['cpu']}, {machine['cores']} cores, {machine['kernel']}"


def warnings(machine):
    """Warnings about other work on the machine."""
    if machine["load_average"] >= 0.25 * machine["cores"]:
        yield (f"the machine was busy when this began (load average {machine['load_average']:.2f} on "
               f"{machine['cores']} cores)")
    if machine["others"] >= _MUCH:
        yield (f"other work took {machine['others']:.0%} of the machine's CPU time meanwhile: do not rely on these "
               "figures")
