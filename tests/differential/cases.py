"""The connections that all servers get: the tables of tests/loopback/http, some of their own, and damaged ones.

The damage is that of a fixed seed, so a case is the same each time. The table of disagreements is by name.
"""

import json
import random
import subprocess

NEXT = b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n"
_SEED = 19
_DAMAGED = 100


def _post(fields, body):
    return b"POST / HTTP/1.1\r\nHost: a\r\n" + fields + b"\r\n" + body + NEXT


_CHUNKS = b"3\r\nabc\r\n0\r\n\r\n"
_CHUNKED = b"Transfer-Encoding: chunked\r\n"

# Where two servers in a row have been made to disagree: the literature of request smuggling.
OWN = {
    "length, then chunked": _post(b"Content-Length: 3\r\n" + _CHUNKED, _CHUNKS),
    "chunked, then length": _post(_CHUNKED + b"Content-Length: 3\r\n", _CHUNKS),
    "two encodings": _post(_CHUNKED + b"Transfer-Encoding: identity\r\n", _CHUNKS),
    "two encodings, chunked last": _post(b"Transfer-Encoding: identity\r\n" + _CHUNKED, _CHUNKS),
    "chunked with a tab": _post(b"Transfer-Encoding:\tchunked\r\n", _CHUNKS),
    "chunked in quotes": _post(b'Transfer-Encoding: "chunked"\r\n', _CHUNKS),
    "chunked behind a fold": _post(b"Transfer-Encoding:\r\n chunked\r\n", _CHUNKS),
    "a fold in another field": _post(b"X: y\r\n\tContent-Length: 3\r\n", b""),
    "chunked in capitals": _post(b"TRANSFER-ENCODING: CHUNKED\r\n", _CHUNKS),
    "a blank before the colon of the encoding": _post(b"Transfer-Encoding : chunked\r\n", _CHUNKS),
    "a NUL in the encoding": _post(b"Transfer-Encoding: chunked\0\r\n", _CHUNKS),
    "an encoding of another name": _post(b"Transfer_Encoding: chunked\r\n", b""),
    "an encoding behind a bare CR": _post(b"X: y\rTransfer-Encoding: chunked\r\n", _CHUNKS),
    "an encoding behind a bare LF": _post(b"X: y\nTransfer-Encoding: chunked\r\n", _CHUNKS),
    "a length behind a bare LF": _post(b"X: y\nContent-Length: 3\r\n", b"abc"),
    "a length in hexadecimal digits": _post(b"Content-Length: 0x3\r\n", b"abc"),
    "a length with a sign": _post(b"Content-Length: +3\r\n", b"abc"),
    "equal lengths in a list": _post(b"Content-Length: 3, 3\r\n", b"abc"),
    "equal lengths": _post(b"Content-Length: 3\r\nContent-Length: 3\r\n", b"abc"),
    "other lengths": _post(b"Content-Length: 3\r\nContent-Length: 4\r\n", b"abcd"),
    "zeros before a length": _post(b"Content-Length: 00003\r\n", b"abc"),
    "a length above 64 bits": _post(b"Content-Length: 18446744073709551619\r\n", b"abc"),
    "an empty length": _post(b"Content-Length: \r\n", b""),
    "a length of a GET": b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" + NEXT,
    "chunks of a GET": b"GET / HTTP/1.1\r\nHost: a\r\n" + _CHUNKED + b"\r\n" + _CHUNKS + NEXT,
    "chunks in 1.0": b"POST / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n" + _CHUNKED + b"\r\n" + _CHUNKS + NEXT,
    "a chunk size of two lines": _post(_CHUNKED, b"3\r\n\r\nabc\r\n0\r\n\r\n"),
    "a chunk size with a blank": _post(_CHUNKED, b"3 \r\nabc\r\n0\r\n\r\n"),
    "a chunk size above 64 bits": _post(_CHUNKED, b"10000000000000003\r\nabc\r\n0\r\n\r\n"),
    "a chunk size with a sign": _post(_CHUNKED, b"+3\r\nabc\r\n0\r\n\r\n"),
    "a chunk size with 0x": _post(_CHUNKED, b"0x3\r\nabc\r\n0\r\n\r\n"),
    "zeros before a chunk size": _post(_CHUNKED, b"0000003\r\nabc\r\n000\r\n\r\n"),
    "a bare LF behind a chunk size": _post(_CHUNKED, b"3\nabc\r\n0\r\n\r\n"),
    "a bare CR behind a chunk size": _post(_CHUNKED, b"3\rabc\r\n0\r\n\r\n"),
    "a bare LF behind a chunk": _post(_CHUNKED, b"3\r\nabc\n0\r\n\r\n"),
    "a bare LF in an extension": _post(_CHUNKED, b"3;a\nb\r\nabc\r\n0\r\n\r\n"),
    "a bare LF at the end of the chunks": _post(_CHUNKED, b"3\r\nabc\r\n0\r\n\n"),
    "a trailer that is a framing": _post(_CHUNKED, b"3\r\nabc\r\n0\r\nContent-Length: 30\r\n\r\n"),
    "a trailer without a colon": _post(_CHUNKED, b"3\r\nabc\r\n0\r\nx\r\n\r\n"),
    "no end of the chunks": _post(_CHUNKED, b"3\r\nabc\r\n0\r\n"),
    "empty lines between requests": NEXT + b"\r\n\r\n" + NEXT,
    "a bare LF between requests": NEXT + b"\n" + NEXT,
    "a bare CR between requests": NEXT + b"\r" + NEXT,
    "a blank before a request": NEXT + b" " + NEXT,
    "a NUL before a request": NEXT + b"\0" + NEXT,
    "the end of a head with bare LFs": b"GET / HTTP/1.1\r\nHost: a\n\n" + NEXT,
    "LF CR": b"GET / HTTP/1.1\r\nHost: a\r\n\n\r" + NEXT,
    "two hosts on one line": b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n" + NEXT,
    "a host behind a fold": b"GET / HTTP/1.1\r\nHost:\r\n a\r\n\r\n" + NEXT,
    "close, and more": b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + NEXT,
    "1.0, and more": b"GET / HTTP/1.0\r\nHost: a\r\n\r\n" + NEXT,
    "1.0 kept, and more": b"GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n" + NEXT,
    "Upgrade that nobody takes": b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n" + NEXT,
    "100-continue, and the body at once": _post(b"Expect: 100-continue\r\nContent-Length: 3\r\n", b"abc"),
    "a body that is a request": _post(b"Content-Length: %d\r\n" % len(NEXT), NEXT),
    "many requests": NEXT * 40,
    "HTTP/1.1 in the target": b"GET / HTTP/1.1 HTTP/1.1\r\nHost: a\r\n\r\n" + NEXT,
    "a backslash in the target": b"GET /a\\..\\b HTTP/1.1\r\nHost: a\r\n\r\n" + NEXT,
    "dots in the target": b"GET /a/../b HTTP/1.1\r\nHost: a\r\n\r\n" + NEXT,
    "a double slash": b"GET //a/b HTTP/1.1\r\nHost: a\r\n\r\n" + NEXT,
    "two question marks": b"GET /a?b?c=/../ HTTP/1.1\r\nHost: a\r\n\r\n" + NEXT,
}

_PIECES = (b"\r\n", b"\r", b"\n", b"\0", b" ", b"\t", b":", b"Host: b\r\n", b"Content-Length: 3\r\n", _CHUNKED, b"\r\n\r\n",
           b"FFFFFFFFFFFFFFFF", b"%", b"/../", b"#", b"HTTP/1.1", b"0\r\n\r\n", b"\xff", b";", b",")
_GOOD = (
    b"GET /a/b?c=d HTTP/1.1\r\nHost: a\r\nX: y\r\nConnection: keep-alive\r\n\r\n",
    b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello world",
    b"POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nT: v\r\n\r\n",
    b"HEAD http://a:80/b/c HTTP/1.1\r\nHost: a:80\r\nAccept: */*\r\n\r\n",
    b"DELETE /d HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nhi",
)


def _damage(data, chance):
    place = chance.randrange(len(data) + 1)
    kind = chance.randrange(4)
    if kind == 0:
        return data[:place] + chance.choice(_PIECES) + data[place:]
    if kind == 1:
        return data[:place] + data[place + chance.randrange(1, 6):]
    if kind == 2:
        return data[:place] + data[place:place + chance.randrange(1, 30)] + data[place:]
    return data[:place] + bytes([chance.randrange(256)]) + data[place + 1:]


def damaged():
    chance = random.Random(_SEED)
    for number in range(_DAMAGED):
        data = b"".join(chance.choice(_GOOD) for _ in range(chance.randrange(1, 3)))
        for _ in range(chance.randrange(1, 3)):
            data = _damage(data, chance)
        yield f"damaged {number}", data + NEXT


def rows_of_tables(program):
    """Those of the C++ tables."""
    output = subprocess.run([program], check=True, capture_output=True, timeout=60).stdout
    for line in output.splitlines():
        row = json.loads(line)
        yield row["name"], row["bytes"].encode("latin-1")


def all_cases(program):
    """Names and bytes. Rows of a table may have the same name."""
    own = [(f"own: {name}", data) for name, data in OWN.items()]
    return [*rows_of_tables(program), *own, *damaged()]
