"""uWSGI with its HTTP router, which has the connections and puts each request into one queue, from which the first
free worker takes it. Its other way, http11-socket, keeps a worker busy with one client until that leaves, as Apache's prefork
MPM does.
"""

import signal
from functools import partial

from servers import wsgi
from servers.server import BLOCKING, CONSTANT, KEEPALIVE_SECONDS, Launch, Order, Server

_VERSION = ["/usr/bin/uwsgi", "--version"]


def launch(order: Order, all_threads: int | None = None) -> Launch:
    """`all_threads`: of all workers together; None: one each, without Python's threads."""
    arguments = ["/usr/bin/uwsgi", "--plugins", "http,python3", "--master", "--need-app",
                 "--http", f"127.0.0.1:{order.port}", f"--http-keepalive={KEEPALIVE_SECONDS}",
                 "--processes", str(order.workers), "--listen", "4096", "--max-fd", str(2 * order.connections + 512),
                 "--disable-logging", "--chdir", str(order.folder), "--module", wsgi.MODULE]
    if all_threads:
        arguments += ["--threads", str(all_threads // order.workers)]
    if order.user:
        arguments += ["--uid", order.user, "--gid", order.user]
    return Launch(arguments, wsgi.FILES, stop=signal.SIGQUIT)  # by SIGTERM it would reload


UWSGI = Server("uwsgi", frozenset({CONSTANT, BLOCKING}), launch, _VERSION)
# With a thread for each client.
UWSGI_400 = Server("uwsgi-400", frozenset({CONSTANT, BLOCKING}), partial(launch, all_threads=400), _VERSION)
