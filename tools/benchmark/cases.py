"""The cases: which load goes to which servers. Pure; runners.py runs them."""

from dataclasses import dataclass

from load import Load
from servers.apache import APACHE, APACHE_WSGI, APACHE_WSGI_400, APACHE_WSGI_CLOSE
from servers.gunicorn import GUNICORN, GUNICORN_GTHREAD, GUNICORN_GTHREAD_400
from servers.haproxy import HAPROXY
from servers.nginx import NGINX, NGINX_DEFERRED, NGINX_PERL, NGINX_PERL_REUSEPORT
from servers.pistache import PISTACHE
from servers.preforkd import (PREFORKD, PREFORKD_BLOCKING, PREFORKD_BOUNDED, PREFORKD_EVENT, PREFORKD_NO_EXTRAS,
                              PREFORKD_TWO)
from servers.server import BLOCKING, CONSTANT, FILES
from servers.uwsgi import UWSGI, UWSGI_400

_LOAD_COLUMNS = ("rps", "cpu", "p50", "p99", "p999", "pss")
_LOAD_RATIOS = ("cpu", "rps")
_KEPT_PEERS = (PREFORKD, NGINX, HAPROXY, APACHE)
_SHORT_PEERS = (PREFORKD, NGINX, NGINX_DEFERRED, HAPROXY, APACHE, GUNICORN)
_FILE_PEERS = (PREFORKD, NGINX, APACHE)
_TLS_PEERS = (PREFORKD, NGINX, HAPROXY)
_BOUNDED_PEERS = (PREFORKD, PREFORKD_BOUNDED)
_TLS_SHORT_PEERS = (PREFORKD, NGINX, NGINX_DEFERRED, HAPROXY)
# With as many workers as preforkd, and with a process or a thread for each client.
_BLOCKING_PEERS = (APACHE_WSGI, APACHE_WSGI_CLOSE, UWSGI, GUNICORN_GTHREAD, PISTACHE)
_BIG_BLOCKING_PEERS = (APACHE_WSGI_400, UWSGI_400, GUNICORN_GTHREAD_400)


@dataclass(frozen=True)
class Case:
    name: str
    title: str
    runner: str  # load, blocking, blocking_kept, reload, memory, beside_handshakes: a function of runners.py
    servers: tuple
    columns: tuple  # metrics
    ratios: tuple  # metrics for which preforkd is compared with each peer
    workers: int = 2
    load: Load | None = None
    blocking_share: float = 0.0
    lengths: int = 1  # a segment's length, in units of --seconds
    max_rounds: int = 1000  # further rounds would show nothing new
    best_of: tuple = ()  # names of peers: preforkd is compared with the best of them in each round, too

    @property
    def connections(self):
        """How many connections a server must be able to hold at once."""
        clients = self.load.clients if self.load else 0
        return {"memory": MEMORY_LEVELS[-1], "reload": RELOAD_IDLE + 2 * clients, "blocking_kept": BLOCKING_KEPT,
                "blocking": BLOCKING_CLIENTS, "beside_handshakes": HANDSHAKE_LOAD.clients + clients}.get(
            self.runner, clients)

    @property
    def tls(self):
        return self.load is not None and self.load.tls

    @property
    def needs(self):
        """What the case needs from its servers."""
        if self.runner in ("blocking", "blocking_kept"):
            return BLOCKING
        return FILES if self.load and self.load.path.endswith(".bin") else CONSTANT

    @property
    def kept(self):
        return self.runner in ("memory", "reload", "blocking_kept") or (self.load is not None and not self.load.close)


MEMORY_LEVELS = (0, 1000, 15000)
RELOAD_IDLE = 200
RELOAD_LOAD = Load(64)
# Of the client that is measured, and of the other one. Kept connections are not idle for long enough to be parked.
QUICK_LOAD = Load(40, delay_ms=100, tls=True)
HANDSHAKE_LOAD = Load(64, close=True, tls=True, rate=200)
BLOCKING_RATE = 400  # a second
BLOCKING_CLIENTS = 64  # as many as open_load.cc has threads
BLOCKING_KEPT = 400  # clients that keep their connections
BLOCKING_TIMEOUT = 2  # seconds that such a client waits for an answer


def _load(name, title, servers, load, ratios=_LOAD_RATIOS, **more):
    return Case(name, title, "load", servers, _LOAD_COLUMNS, ratios, load=load, **more)


def _blocking(name, share):
    title = (f"{share:.0%} of {BLOCKING_RATE} short requests a second block their worker for 50 ms; 4 workers; "
             "the figures are those of the others")
    return Case(name, title, "blocking", (PREFORKD, NGINX_PERL, NGINX_PERL_REUSEPORT), ("p50", "p99", "p999", "worst"),
                ("p99", "p999"), workers=4, blocking_share=share, lengths=5)


def _blocking_kept(name, share):
    title = (f"{BLOCKING_RATE} requests a second on {BLOCKING_KEPT} kept connections, {share:.0%} of them block for "
             f"50 ms; 4 workers, or as many processes or threads as the name says; p50 to p99.9 are those of the "
             f"others, and one without answer after {BLOCKING_TIMEOUT} s has failed")
    return Case(name, title, "blocking_kept",
                (PREFORKD_BLOCKING, PREFORKD_NO_EXTRAS, *_BLOCKING_PEERS, *_BIG_BLOCKING_PEERS),
                ("p50", "p99", "p999", "failed", "held", "cpu"), ("p99", "p999"), workers=4, blocking_share=share,
                lengths=5, max_rounds=3, best_of=tuple(peer.name for peer in _BLOCKING_PEERS))


CASES = (
    _load("short-64", "a connection for each request, 64 clients", _SHORT_PEERS, Load(64, close=True)),
    _load("short-1", "a connection for each request, 1 client", _SHORT_PEERS, Load(1, close=True),
          _LOAD_RATIOS + ("p50",)),
    _load("workers-64", "a connection for each request, 64 clients, 64 workers; beside itself with 2",
          (PREFORKD, PREFORKD_TWO, NGINX), Load(64, close=True), workers=64),
    _load("keepalive-64", "kept connections, 64 clients", _KEPT_PEERS, Load(64)),
    _load("keepalive-512", "kept connections, 512 clients", _KEPT_PEERS, Load(512)),
    _load("pipelined-16", "kept connections, 64 clients, 16 requests at a time", _KEPT_PEERS, Load(64, pipeline=16)),
    _load("module-event-64", "kept connections, 64 clients; the answer comes from an event module",
          (PREFORKD_EVENT, NGINX), Load(64)),
    _load("module-blocking-64", "kept connections, 64 clients; the answer comes from a blocking module",
          (PREFORKD_BLOCKING, NGINX), Load(64)),
    _load("static-1k", "a file of 1 KiB, kept connections, 64 clients", _FILE_PEERS, Load(64, "/1k.bin")),
    _load("static-100k", "a file of 100 KiB, kept connections, 64 clients", _FILE_PEERS, Load(64, "/100k.bin")),
    _load("static-10m", "a file of 10 MiB, kept connections, 8 clients", _FILE_PEERS, Load(8, "/10m.bin"), lengths=2),
    _load("idle-then-request", "kept connections, 400 clients that each ask every 400 ms or so", _KEPT_PEERS,
          Load(400, delay_ms=400), ("cpu", "p99"), lengths=2),
    _load("idle-then-request-long", "the same for ten times --seconds, so that the first pauses, after which a "
          "connection may travel, are few of all", (PREFORKD, NGINX), Load(400, delay_ms=400), ("cpu", "p99"),
          lengths=10, max_rounds=3),
    _load("tls-handshake", "TLS: a connection and a full handshake for each request, 64 clients", _TLS_SHORT_PEERS,
          Load(64, close=True, tls=True)),
    _load("tls-resume", "TLS: a connection and a resumed handshake for each request, 64 clients", _TLS_SHORT_PEERS,
          Load(64, close=True, tls=True, resume=True)),
    _load("tls-keepalive-64", "TLS: kept connections, 64 clients", _TLS_PEERS, Load(64, tls=True)),
    _load("tls-100k", "TLS: a file of 100 KiB, kept connections, 64 clients", (PREFORKD, NGINX),
          Load(64, "/100k.bin", tls=True)),
    _load("tls-10m", "TLS: a file of 10 MiB, kept connections, 8 clients", (PREFORKD, NGINX),
          Load(8, "/10m.bin", tls=True), lengths=2),
    Case("tls-quick-beside-handshakes", f"TLS: {QUICK_LOAD.clients} clients that keep their connections and each ask "
         f"every {QUICK_LOAD.delay_ms} ms or so, while another does {HANDSHAKE_LOAD.rate} full handshakes a second; the "
         "figures are those of the former", "beside_handshakes", _TLS_PEERS, ("p50", "p99", "p999", "handshakes"),
         ("p50", "p99", "p999"), load=QUICK_LOAD, lengths=5),
    Case("tls-memory", "TLS: idle kept connections, PSS of all processes; the reserve as in `memory`", "memory",
         _TLS_PEERS, ("pss_0", "pss_1000", "pss_15000", "idle_bytes", "held_bytes"), ("idle_bytes", "held_bytes"),
         load=Load(MEMORY_LEVELS[-1], tls=True), max_rounds=2),
    _blocking("blocking-2", 0.02),
    _blocking("blocking-10", 0.10),
    _blocking_kept("blocking-kept", 0.10),
    _load("bounded-short-64", "as `short-64`, beside itself with every bound by client address", _BOUNDED_PEERS,
          Load(64, close=True), lengths=2),
    _load("bounded-keepalive-64", "as `keepalive-64`, the same", _BOUNDED_PEERS, Load(64), lengths=2),
    _load("bounded-static-1k", "as `static-1k`, the same", _BOUNDED_PEERS, Load(64, "/1k.bin"), lengths=2),
    Case("reload", f"kept connections, {RELOAD_LOAD.clients} clients, a reload every second, {RELOAD_IDLE} idle "
         "connections beside them", "reload", (PREFORKD, NGINX, HAPROXY, APACHE),
         ("rps", "cpu", "reloads", "errors", "kept"), ("rps",), load=RELOAD_LOAD, lengths=2),
    Case("memory", "idle kept connections, PSS of all processes; the reserve is what a server that may have 15,000 "
         "takes more from the start", "memory", (PREFORKD, NGINX, HAPROXY),
         ("pss_0", "pss_1000", "pss_15000", "idle_bytes", "held_bytes"), ("idle_bytes", "held_bytes"), max_rounds=2),
)
