"""handshake_load (handshake_load_tool.cc): TLS clients with a connection for each request, which make a full handshake each
time, or resume.

It fails a load in which a client has resumed where it should not have, or the other way round.
"""

from load import Load, LoadReport, parse_line

PROGRAM = "handshake_load"
_ERRORS = ("connect", "handshake", "read", "status", "kind")
_SEED = 1  # the same arrivals for every server


def can(load: Load):
    return load.tls and load.close


def command(load: Load, port, seconds):
    """(the command line, additional environment variables); the program is in the folder of those that were built."""
    return [PROGRAM, f"127.0.0.1:{port}", load.path, str(load.clients), str(seconds), str(load.rate),
            "resume" if load.resume else "full", str(_SEED)], {}


def parse(output) -> LoadReport:
    return parse_line(output, PROGRAM, _ERRORS)
