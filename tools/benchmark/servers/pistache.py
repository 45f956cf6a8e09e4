"""Pistache, a C++ server of Debian's (pistache_measured.cc is the program). Its handlers run in the threads that have the
connections, and block them, as those of Drogon do, which Debian 12 lacks.
"""

from servers.server import BLOCKING, CONSTANT, Launch, Order, Server


def launch(order: Order) -> Launch:
    # It changes to no other user by itself.
    user = ["/usr/bin/setpriv", f"--reuid={order.user}", f"--regid={order.user}", "--clear-groups"]
    program = [f"{order.programs}/pistache_measured", f"127.0.0.1:{order.port}", str(order.workers)]
    return Launch([*(user if order.user else []), *program])


PISTACHE = Server("pistache", frozenset({CONSTANT, BLOCKING}), launch,
                  ["/usr/bin/dpkg-query", "--show", "--showformat", "${{Version}}", "libpistache-dev"])
