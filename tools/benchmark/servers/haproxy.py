"""HAProxy, which answers by itself (`http-request return`); it serves no files. Its workers are threads.

It wants two descriptors for each connection, the second for a backend, and there is none here: without strict limits it
starts with fewer.
"""

import signal

from servers.server import CONSTANT, KEEPALIVE_SECONDS, Launch, Order, Server

CONFIG = """\
global
  maxconn {connections}
  no strict-limits
  nbthread {workers}
{user}
defaults
  mode http
  timeout client {keepalive}s
  timeout http-keep-alive {keepalive}s
  timeout http-request 10s
frontend web
  bind 127.0.0.1:{port} backlog 4096{tls}
  http-request return status 200 content-type text/plain file {root}/hello
"""


def launch(order: Order) -> Launch:
    config = CONFIG.format(
        connections=order.connections + 64,
        workers=order.workers,
        user=f"  user {order.user}\n  group {order.user}" if order.user else "",
        keepalive=KEEPALIVE_SECONDS,
        port=order.port,
        tls=f" ssl crt {order.tls}/both.pem ciphersuites TLS_AES_128_GCM_SHA256" if order.tls else "",
        root=order.root,
    )
    # -W: a master and its worker, so that it can be reloaded; -db: in the foreground.
    return Launch(["/usr/sbin/haproxy", "-W", "-db", "-f", f"{order.folder}/haproxy.cfg"], {"haproxy.cfg": config},
                  reload=signal.SIGUSR2)


HAPROXY = Server("haproxy", frozenset({CONSTANT}), launch, ["/usr/sbin/haproxy", "-v"])
