"""Apache with the prefork MPM. A process of its has one connection until that ends: where clients keep theirs, there
are as many processes as clients, or the others would never be served.
"""

import signal

from servers.server import CONSTANT, FILES, KEEPALIVE_SECONDS, Launch, Order, Server

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
KeepAlive On
MaxKeepAliveRequests 0
KeepAliveTimeout {keepalive}
EnableSendfile On
DocumentRoot {root}
<Directory {root}>
  Options None
  AllowOverride None
  Require all granted
</Directory>
"""


def launch(order: Order) -> Launch:
    config = CONFIG.format(
        folder=order.folder,
        user=f"User {order.user}\nGroup {order.user}" if order.user else "",
        port=order.port,
        modules=MODULES,
        processes=order.connections + 8 if order.kept else order.workers,
        keepalive=KEEPALIVE_SECONDS,
        root=order.root,
    )
    return Launch(["/usr/sbin/apache2", "-D", "FOREGROUND", "-f", f"{order.folder}/apache.conf"],
                  {"apache.conf": config}, reload=signal.SIGUSR1)


APACHE = Server("apache", frozenset({CONSTANT, FILES}), launch, ["/usr/sbin/apache2", "-v"])
