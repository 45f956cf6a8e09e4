"""preforkd itself, with its defaults: `measured` gives the answers that peers give from their configuration."""

from dataclasses import replace

from servers.server import BLOCKING, CONSTANT, FILES, KEEPALIVE_SECONDS, Launch, Order, Server

CONFIG = """\
workers = {workers}
{more}control = "{folder}/control.sock"
{user}
[[listen]]
address = "127.0.0.1:{port}"
service = "web"
{tls}[log]
level = "notice"
[service.web]
keepalive_timeout = "{keepalive}s"
{service}
"""

# Two gates, the default, make the handshakes for any number of workers.
TLS = """\
tls = true
[tls]
ciphers = "aes-128-gcm"
[[tls.certificate]]
chain = "{folder}/chain.pem"
key = "{folder}/key.pem"
"""


def launch(order: Order, more: str = "") -> Launch:
    config = CONFIG.format(
        workers=order.workers,
        more=more,
        folder=order.folder,
        user=f'user = "{order.user}"' if order.user else "",
        port=order.port,
        tls=TLS.format(folder=order.tls) if order.tls else "",
        keepalive=KEEPALIVE_SECONDS,
        service=f'type = "http"\nroot = "{order.root}"' if order.files else 'type = "measured"',
    )
    return Launch([f"{order.programs}/preforkd_measured", "-c", f"{order.folder}/preforkd.toml"],
                  {"preforkd.toml": config})


def launch_module(order: Order, name: str, more: str = "") -> Launch:
    """With the measured answer in a module."""
    plain = launch(order, more)
    config = plain.files["preforkd.toml"].replace('type = "measured"',
                                                  f'type = "module"\npath = "{order.programs}/{name}.so"')
    return Launch(plain.arguments, {"preforkd.toml": config})


_VERSION = ["{programs}/preforkd_measured", "--version"]

PREFORKD = Server("preforkd", frozenset({CONSTANT, FILES, BLOCKING}), launch, _VERSION)
# With the handler in a module: in the loop thread, and in an application thread.
PREFORKD_EVENT = Server("preforkd", frozenset({CONSTANT}), lambda order: launch_module(order, "measured_event"),
                        _VERSION)
PREFORKD_BLOCKING = Server("preforkd", frozenset({CONSTANT, BLOCKING}),
                           lambda order: launch_module(order, "measured_blocking"), _VERSION)
# The same without extra workers, of which the default allows three for each worker while all are blocked.
PREFORKD_NO_EXTRAS = Server("preforkd-no-extras", PREFORKD_BLOCKING.offers,
                            lambda order: launch_module(order, "measured_blocking", f"workers_max = {order.workers}\n"),
                            _VERSION)
# The same with every bound by client address, so high that none is met (an answer with 429 fails the bench): what
# counting costs.
BOUNDS = "connections = 1000000\nconnection_rate = 100000\nhandshake_rate = 100000\n"


def launch_bounded(order: Order) -> Launch:
    plain = launch(order)
    config = plain.files["preforkd.toml"].replace("[log]", f"[limits]\n{BOUNDS}[log]")
    return Launch(plain.arguments, {"preforkd.toml": config + "request_rate = 1000000\n"})


PREFORKD_BOUNDED = Server("preforkd-bounded", PREFORKD.offers, launch_bounded, _VERSION)
# The same with two workers, whatever the number of the case.
PREFORKD_TWO = Server("preforkd-2", PREFORKD.offers, lambda order: launch(replace(order, workers=2)), _VERSION)
