"""wrk: its command line for a load, and its output. wrk_load.lua makes it print JSON."""

from pathlib import Path

from load import Load, LoadReport, parse_line, url

SCRIPT = Path(__file__).resolve().parent / "wrk_load.lua"
_ERRORS = ("connect", "read", "write", "status", "timeout")


def can(load: Load):
    """With TLS it resumes its sessions wherever the server lets it, and does not say so: see handshakes.py."""
    return not (load.tls and load.close)


def command(load: Load, port, seconds):
    """(the command line, additional environment variables)"""
    # Two threads if there are clients for both: a single one would become the bottleneck.
    threads = min(2, load.clients)
    environment = {}
    if load.close:
        environment["BENCH_CLOSE"] = "1"
    if load.pipeline > 1:
        environment["BENCH_PIPELINE"] = str(load.pipeline)
    if load.delay_ms:
        environment["BENCH_DELAY"] = str(load.delay_ms)
    return ["wrk", f"-t{threads}", f"-c{load.clients}", f"-d{seconds}s", "--timeout", "10s", "-s", str(SCRIPT),
            url(load, port)], environment


def parse(output) -> LoadReport:
    return parse_line(output, "wrk", _ERRORS)
