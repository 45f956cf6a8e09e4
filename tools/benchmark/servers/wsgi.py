"""The application that the servers in Python run: mod_wsgi of Apache, uWSGI, gunicorn."""

from servers.server import BODY

MODULE = "bench_application"

_TEXT = """\
import time

BODY = {body!r}
HEADERS = [("Content-Type", "text/plain"), ("Content-Length", str(len(BODY)))]


def application(environ, start_response):
    if environ["PATH_INFO"] == "/block":
        time.sleep(0.05)
    start_response("200 OK", HEADERS)
    return [BODY]
"""

# What Launch.files needs.
FILES = {f"{MODULE}.py": _TEXT.format(body=BODY)}
