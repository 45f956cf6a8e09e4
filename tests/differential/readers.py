"""What a server makes of the bytes of one connection: the requests that it saw, and how it refused the next one.

Three of them: preforkd and nginx over sockets, and h11 in this process. Each gets all bytes at once, then the end of
the input. A reader returns an Outcome; nothing here knows what is right.
"""

import re
import socket
import threading
from typing import NamedTuple

TIMEOUT = 20  # seconds, for what takes milliseconds
_SHOWN = 24  # bytes of a body in a text


class Seen(NamedTuple):
    method: str
    target: str
    framing: str  # what its fields say of its body: "none", "length", "chunked"
    body: bytes

    def __str__(self):
        shown = self.body[:_SHOWN].decode("latin-1").encode("unicode_escape").decode()
        body = f' "{shown}"' if self.body else ""
        more = f"+{len(self.body) - _SHOWN}" if len(self.body) > _SHOWN else ""
        # Of CONNECT the tables have hundreds.
        target = "HOST" if self.method == "CONNECT" else self.target[:60].encode("unicode_escape").decode()
        return f"{self.method[:_SHOWN]} {target} {self.framing}{body}{more}"


class Outcome(NamedTuple):
    seen: tuple
    refused: int = 0  # a status; 0: not, or without one

    def __str__(self):
        refused = [str(self.refused)] if self.refused else []
        return ", ".join([*map(str, self.seen), *refused]) or "nothing"

    def agrees(self, other):
        """The same requests, and both refuse what follows with the same class of status, or both do not."""
        return self.seen == other.seen and self.refused // 100 == other.refused // 100


def plain_target(target):
    """An absolute target and what a proxy makes of it are the same."""
    match = re.match(r"(?i)https?://[^/?]*", target)
    if not match:
        return target
    rest = target[match.end():]
    return rest if rest.startswith("/") else "/" + rest


def framing_of(fields):
    """`fields`: names in lower case, with values."""
    if "transfer-encoding" in fields:
        return "chunked"
    return "length" if "content-length" in fields else "none"


def converse(family, address, data):
    """All that a server answers."""
    received = b""
    with socket.socket(family) as client:
        client.settimeout(TIMEOUT)
        client.connect(address)
        try:
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
            while piece := client.recv(65536):
                received += piece
        except (BrokenPipeError, ConnectionResetError):
            pass  # it has refused and does not read the rest
    return received


def split_answers(received):
    """The heads of the answers, as a status and fields each. 1xx are left out."""
    answers = []
    while received.startswith(b"HTTP/1."):
        head, end, rest = received.partition(b"\r\n\r\n")
        if not end:
            break
        line, *lines = head.decode("latin-1").split("\r\n")
        fields = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in lines)}
        status = int(line.split(" ")[1])
        length = int(fields.get("content-length", 0))
        # Of an answer to HEAD there is none.
        received = rest if rest.startswith(b"HTTP/1.") else rest[length:]
        if status >= 200:
            answers.append((status, fields))
    return answers


def refusal_of(answers):
    refused = [status for status, fields in answers if "x-seen" not in fields]
    return refused[0] if refused else 0


def read_with_preforkd(address, data):
    host, port = address.rsplit(":", 1)
    answers = split_answers(converse(socket.AF_INET, (host, int(port)), data))
    seen = []
    for _, fields in answers:
        if "x-seen" in fields:
            method, target, framing = fields["x-seen"].rsplit(" ", 2)
            seen.append(Seen(method, plain_target(target), framing, bytes.fromhex(fields["x-body"])))
    return Outcome(tuple(seen), refusal_of(answers))


class Upstream:
    """What nginx hands its requests to: a server on a Unix socket that keeps what it gets. nginx has parsed it, so a
    head and a Content-Length are all that it must know."""

    def __init__(self, path):
        self.seen = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(16)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            connection, _ = self.listener.accept()
            with connection, connection.makefile("rb") as stream:
                self._answer(connection, stream)

    def _answer(self, connection, stream):
        line = stream.readline().decode("latin-1").rstrip("\r\n")
        if not line:
            return
        fields = {}
        while (field := stream.readline().decode("latin-1").rstrip("\r\n")):
            name, _, value = field.partition(":")
            fields[name.lower()] = value.strip()
        body = stream.read(int(fields.get("content-length", 0)))
        method, target, _ = line.rsplit(" ", 1)[0].split(" ", 1) + [""]
        self.seen.append(Seen(method, plain_target(target), fields["x-framing"], body))
        connection.sendall(b"HTTP/1.1 200 OK\r\nX-Seen: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


def read_with_nginx(path, upstream, data):
    upstream.seen.clear()
    answers = split_answers(converse(socket.AF_UNIX, path, data))
    return Outcome(tuple(upstream.seen), refusal_of(answers))


def read_with_h11(data):
    import h11  # not every machine has it: the caller has looked

    connection = h11.Connection(h11.SERVER)
    seen = []
    request, body = None, b""
    try:
        connection.receive_data(data)
        while True:
            event = connection.next_event()
            if isinstance(event, h11.Request):
                request, body = event, b""
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                fields = {name.decode("latin-1") for name, _ in request.headers}
                seen.append(Seen(request.method.decode("latin-1"), plain_target(request.target.decode("latin-1")),
                                 framing_of(fields), body))
                connection.send(h11.Response(status_code=200 if request.method != b"CONNECT" else 501,
                                             headers=[("content-length", "0")]))
                connection.send(h11.EndOfMessage())
                if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
                    return Outcome(tuple(seen))
                connection.start_next_cycle()
            else:  # it needs more, or its client has ended
                return Outcome(tuple(seen))
    except h11.RemoteProtocolError as error:
        return Outcome(tuple(seen), error.error_status_hint)
