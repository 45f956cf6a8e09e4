"""A plain HTTP/1.1 client: checks that a server answers correctly before it is measured, and holds idle connections."""

import re
import socket
import ssl
from dataclasses import dataclass

TIMEOUT = 10.0
# These servers never send a longer head.
_MAX_HEAD = 16 * 1024
# All servers are told to use this one only (servers/).
SUITE = "TLS_AES_128_GCM_SHA256"


def _tls_context():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # each run makes a certificate of its own
    return context


_TLS = _tls_context()


class WrongAnswer(Exception):
    """The server closed, did not answer, or sent a wrong answer."""


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    size: int  # head and body, in bytes


def request(path, close=False):
    more = "Connection: close\r\n" if close else ""
    return f"GET {path} HTTP/1.1\r\nHost: bench\r\n{more}\r\n".encode()


def parse_head(head):
    """(status, length of the body) of the bytes up to and including the empty line."""
    status = re.match(rb"HTTP/1\.[01] (\d\d\d)[ \r]", head)
    length = re.search(rb"^content-length: *(\d+)\r$", head, re.MULTILINE | re.IGNORECASE)
    if not status or not length:
        raise WrongAnswer(f"not an answer with a length: {head[:200]!r}")
    return int(status[1]), int(length[1])


def read_answer(connection) -> Answer:
    received = bytearray()
    while (end := received.find(b"\r\n\r\n")) < 0:
        if len(received) > _MAX_HEAD:
            raise WrongAnswer("a head without end")
        received += _receive(connection)
    size = end + 4
    status, length = parse_head(bytes(received[:size]))
    while len(received) < size + length:
        received += _receive(connection)
    return Answer(status, bytes(received[size:]), size + length)


def _receive(connection):
    try:
        received = connection.recv(1 << 18)
    except OSError as error:
        raise WrongAnswer(f"no answer: {error}") from error
    if not received:
        raise WrongAnswer("the server closed before its answer was whole")
    return received


def connect(port, tls=False):
    try:
        connection = socket.create_connection(("127.0.0.1", port), TIMEOUT)
        if not tls:
            return connection
        connection = _TLS.wrap_socket(connection)
    except OSError as error:
        raise WrongAnswer(f"cannot connect: {error}") from error
    if (suite := connection.cipher()[0]) != SUITE:
        connection.close()
        raise WrongAnswer(f"it uses {suite}, not {SUITE}")
    return connection


def ask(port, path, close=False, tls=False) -> Answer:
    with connect(port, tls) as connection:
        try:
            connection.sendall(request(path, close))
        except OSError as error:
            raise WrongAnswer(f"cannot ask: {error}") from error
        return read_answer(connection)


class IdleClients:
    """Clients that got one answer, keep their connections and stay idle."""

    def __init__(self, port, path="/hello", tls=False):
        self._port = port
        self._tls = tls
        self._request = request(path)
        self._connections = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for connection in self._connections:
            connection.close()

    def grow_to(self, count):
        while len(self._connections) < count:
            connection = connect(self._port, self._tls)
            self._connections.append(connection)
            self._ask(connection)

    def _ask(self, connection):
        try:
            connection.sendall(self._request)
        except OSError as error:
            raise WrongAnswer(f"cannot ask: {error}") from error
        answer = read_answer(connection)
        if answer.status != 200:
            raise WrongAnswer(f"status {answer.status}")

    def count_kept(self):
        """How many of them still get an answer, on the same connection."""
        kept = 0
        for connection in self._connections:
            try:
                self._ask(connection)
                kept += 1
            except WrongAnswer:
                pass
        return kept
