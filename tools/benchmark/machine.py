"""What a figure depends on besides the programs: the machine, its load, the versions, the date."""

import os
import re
import subprocess
import time
from pathlib import Path


def parse_cpu_model(cpuinfo):
    found = re.search(r"^model name\s*: (.*)$", cpuinfo, re.MULTILINE)
    return found[1].strip() if found else "unknown processor"


def describe():
    return {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "cpu": parse_cpu_model(Path("/proc/cpuinfo").read_text()),
        "cores": len(os.sched_getaffinity(0)),
        "virtual": "hypervisor" in Path("/proc/cpuinfo").read_text(),
        "kernel": f"{os.uname().sysname} {os.uname().release}",
        "load_average": os.getloadavg()[0],
    }


def parse_version(output):
    """'HAProxy version 2.6.12-1 2026/10/17' -> '2.6.12-1'"""
    found = re.search(r"\d+\.\d+[\w.+~-]*", output)
    return found[0] if found else "unknown"


def version(command):
    """Of a program that is run to say it."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=30, check=False)
    except (OSError, subprocess.SubprocessError) as error:
        return f"unknown ({error})"
    return parse_version(done.stdout)


def text(machine):
    kind = "virtual machine, " if machine["virtual"] else ""
    return (f"{machine['date']}, {kind}{machine['cpu']}, {machine['cores']} cores, {machine['kernel']}, "
            f"load average at the start {machine['load_average']:.2f}")


def warning(machine):
    """When other work was running; None when none was."""
    if machine["load_average"] < 0.25 * machine["cores"]:
        return None
    return (f"the machine was busy when this began (load average {machine['load_average']:.2f} on {machine['cores']} "
            "cores): these figures are no more than a trial")
