"""gunicorn: its sync workers, which end each connection after one answer, for comparison; and gthread, whose workers
keep their idle connections in a poller, so that only a request holds a thread.
"""

import signal
from functools import partial

from servers import wsgi
from servers.server import BLOCKING, CONSTANT, KEEPALIVE_SECONDS, Launch, Order, Server

_VERSION = ["/usr/bin/gunicorn", "--version"]


def launch(order: Order, more: tuple = ()) -> Launch:
    arguments = ["/usr/bin/gunicorn", "--workers", str(order.workers), "--bind", f"127.0.0.1:{order.port}",
                 "--backlog", "4096", "--log-level", "warning", "--chdir", str(order.folder),
                 "--worker-tmp-dir", "/dev/shm", *more]
    if order.user:
        arguments += ["--user", order.user, "--group", order.user]
    return Launch([*arguments, f"{wsgi.MODULE}:application"], wsgi.FILES, stop=signal.SIGQUIT)


def launch_threads(order: Order, all_threads: int | None = None) -> Launch:
    """`all_threads`: of all workers together; None: one each."""
    threads = all_threads // order.workers if all_threads else 1
    # A worker may get more than its share of the connections, and keeps as many as it may have less its threads.
    return launch(order, ("--worker-class", "gthread", "--threads", str(threads),
                          "--keep-alive", str(KEEPALIVE_SECONDS),
                          "--worker-connections", str(order.connections + threads + 64)))


GUNICORN = Server("gunicorn", frozenset({CONSTANT}), launch, _VERSION)
GUNICORN_GTHREAD = Server("gunicorn-gthread", frozenset({CONSTANT, BLOCKING}), launch_threads, _VERSION)
# With a thread for each client.
GUNICORN_GTHREAD_400 = Server("gunicorn-gthread-400", frozenset({CONSTANT, BLOCKING}),
                              partial(launch_threads, all_threads=400), _VERSION)
