"""Apache with the prefork MPM. A process of its has one connection until that ends: where clients keep theirs, there
are as many processes as clients, or the others would never be served. With mod_wsgi embedded, too, which runs a handler
in the process that has the connection.
"""

import signal
from functools import partial

from servers import wsgi
from servers.server import BLOCKING, CONSTANT, FILES, KEEPALIVE_SECONDS, Launch, Order, Server

MODULES = "/usr/lib/apache2/modules"

CONFIG = """\
ServerRoot {folder}
ServerName localhost
PidFile {folder}/apache.pid
DefaultRuntimeDir {folder}
ErrorLog {folder}/error.log
LogLevel error
{user}
Listen 127.0.0.1:{port}
ListenBacklog 4096
LoadModule mpm_prefork_module {modules}/mod_mpm_prefork.so
LoadModule authz_core_module {modules}/mod_authz_core.so
ServerLimit {processes}
MaxRequestWorkers {processes}
StartServers {processes}
MinSpareServers 1
MaxSpareServers {processes}
MaxConnectionsPerChild 0
KeepAlive {keep}
MaxKeepAliveRequests 0
KeepAliveTimeout {keepalive}
EnableSendfile On
DocumentRoot {root}
<Directory {root}>
  Options None
  AllowOverride None
  Require all granted
</Directory>
{more}
"""

# Python starts in the first process, and each of its children imports the application before its first request.
WSGI = """\
LoadModule wsgi_module {modules}/mod_wsgi.so
WSGILazyInitialization Off
WSGIApplicationGroup %{{GLOBAL}}
WSGIScriptAlias / {folder}/{script}
WSGIImportScript {folder}/{script} process-group=%{{GLOBAL}} application-group=%{{GLOBAL}}
<Directory {folder}>
  Require all granted
</Directory>
"""


def launch(order: Order, processes: int | None = None, keep: str = "On", more: str = "") -> Launch:
    config = CONFIG.format(
        folder=order.folder,
        user=f"User {order.user}\nGroup {order.user}" if order.user else "",
        port=order.port,
        modules=MODULES,
        processes=processes or (order.connections + 8 if order.kept else order.workers),
        keep=keep,
        keepalive=KEEPALIVE_SECONDS,
        root=order.root,
        more=more,
    )
    return Launch(["/usr/sbin/apache2", "-D", "FOREGROUND", "-f", f"{order.folder}/apache.conf"],
                  {"apache.conf": config}, reload=signal.SIGUSR1)


def launch_wsgi(order: Order, enough: bool = False, keep: str = "On") -> Launch:
    """`enough`: a process for each client; else one for each worker of the case."""
    more = WSGI.format(modules=MODULES, folder=order.folder, script=f"{wsgi.MODULE}.py")
    plain = launch(order, None if enough else order.workers, keep, more)
    return Launch(plain.arguments, {**plain.files, **wsgi.FILES}, reload=plain.reload)


_VERSION = ["/usr/sbin/apache2", "-v"]


def _wsgi_server(name, **how):
    return Server(name, frozenset({CONSTANT, BLOCKING}), partial(launch_wsgi, **how), _VERSION)


APACHE = Server("apache", frozenset({CONSTANT, FILES}), launch, _VERSION)
# As many processes as the others have workers: they serve the first clients until those leave.
APACHE_WSGI = _wsgi_server("apache-wsgi")
# The same, but a connection ends after its answer, so that each process serves all clients by turns.
APACHE_WSGI_CLOSE = _wsgi_server("apache-wsgi-close", keep="Off")
# What its users would configure.
APACHE_WSGI_400 = _wsgi_server("apache-wsgi-400", enough=True)
