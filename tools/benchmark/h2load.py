"""h2load, of the nghttp2 project, speaking HTTP/1.1: a second opinion on loads with kept connections and no delay.

It counts what wrk counts, with other code, and costs the machine another share. It knows no percentiles.
"""

import re

from load import Load, LoadReport, UnreadableReport, url

_REQUESTS = re.compile(r"^requests: \d+ total, \d+ started, (\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored, "
                       r"(\d+) timeout", re.MULTILINE)
_CODES = re.compile(r"^status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", re.MULTILINE)
_TRAFFIC = re.compile(r"^traffic: \S+ \((\d+)\) total", re.MULTILINE)
_FINISHED = re.compile(r"^finished in ([\d.]+)(us|ms|s), ", re.MULTILINE)
_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}


def can(load: Load):
    return not load.close and not load.delay_ms


def command(load: Load, port, seconds):
    """(the command line, additional environment variables)"""
    return ["h2load", "--h1", f"-t{min(2, load.clients)}", f"-c{load.clients}", f"-m{load.pipeline}", f"-D{seconds}",
            url(load, port)], {}


def parse(output) -> LoadReport:
    found = [pattern.search(output) for pattern in (_REQUESTS, _CODES, _TRAFFIC, _FINISHED)]
    if None in found:
        raise UnreadableReport(f"h2load printed no measurement: {output.strip()[-300:]}")
    requests, codes, traffic, finished = found
    _, succeeded, failed, errored, timeout = map(int, requests.groups())
    other = sum(int(count) for count in codes.groups()[1:])
    errors = {"failed": failed, "errored": errored, "timeout": timeout, "status": other}
    return LoadReport(
        requests=succeeded,
        seconds=float(finished[1]) * _UNITS[finished[2]],
        bytes=int(traffic[1]),
        errors={kind: count for kind, count in errors.items() if count},
    )
