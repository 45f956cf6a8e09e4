"""gunicorn with its sync workers, which end each connection after one answer: for comparison."""

import signal

from servers.server import BODY, CONSTANT, Launch, Order, Server

APPLICATION = """\
BODY = {body!r}
HEADERS = [("Content-Type", "text/plain"), ("Content-Length", str(len(BODY)))]


def application(environ, start_response):
    start_response("200 OK", HEADERS)
    return [BODY]
"""


def launch(order: Order) -> Launch:
    arguments = ["/usr/bin/gunicorn", "--workers", str(order.workers), "--bind", f"127.0.0.1:{order.port}",
                 "--backlog", "4096", "--log-level", "warning", "--chdir", str(order.folder),
                 "--worker-tmp-dir", "/dev/shm"]
    if order.user:
        arguments += ["--user", order.user, "--group", order.user]
    return Launch(arguments + ["bench_application:application"],
                  {"bench_application.py": APPLICATION.format(body=BODY)}, stop=signal.SIGQUIT)


GUNICORN = Server("gunicorn", frozenset({CONSTANT}), launch, ["/usr/bin/gunicorn", "--version"])
