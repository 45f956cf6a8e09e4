"""What tools/bench asks of a server, whichever it is, and what each server answers: which program to run, with which
files. One file beside this one for each server; they start nothing themselves (server_process.py does).
"""

import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

# The body of every server's answer if no file is served; measured_body.h has the same text.
BODY = b"Hello, world\n"
KEEPALIVE_SECONDS = 300  # 15,000 handshakes of idle clients take a minute

# What a case needs from a server.
CONSTANT = "constant"  # /hello: BODY, in the cheapest way that the server has
FILES = "files"  # /1k.bin and the like: files of Order.root
BLOCKING = "blocking"  # /block: BODY after holding its worker, or one of its threads, for 50 ms


@dataclass(frozen=True)
class Order:
    """The requirements for one server in one segment."""

    folder: Path  # its own, empty, and removed afterwards; its user may write there
    root: Path  # the files that all serve, a file `hello` with BODY among them
    port: int  # on 127.0.0.1
    workers: int
    connections: int  # that it must be able to hold at once
    kept: bool  # clients keep their connections
    files: bool  # the case measures files
    tls: Path | None  # None: no TLS; else the folder with the certificate that all use, see tls_files.py
    user: str | None  # user of its workers; None: the user of tools/bench, who is not root then
    programs: Path  # the folder with the programs that Bazel has built


@dataclass(frozen=True)
class Launch:
    arguments: list
    files: dict = field(default_factory=dict)  # name in Order.folder -> text
    stop: signal.Signals = signal.SIGTERM
    reload: signal.Signals = signal.SIGHUP


@dataclass(frozen=True)
class Server:
    name: str
    offers: frozenset
    launch: Callable[[Order], Launch]
    version: list  # a command that prints it
