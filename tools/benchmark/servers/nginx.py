"""nginx as Debian ships it: stock; with `deferred` accepts, as preforkd has them; and with a listener per worker."""

from functools import partial

from servers.server import BLOCKING, BODY, CONSTANT, FILES, KEEPALIVE_SECONDS, Launch, Order, Server

PERL_MODULE = "/usr/lib/nginx/modules/ngx_http_perl_module.so"

CONFIG = """\
{main}
daemon off;
worker_processes {workers};
worker_rlimit_nofile {descriptors};
pid {folder}/nginx.pid;
error_log {folder}/error.log error;
events {{ worker_connections {connections}; }}
http {{
  access_log off;
  default_type text/plain;
  sendfile on;
  tcp_nopush on;
  keepalive_timeout {keepalive}s;
  keepalive_requests 1000000000;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port}{ssl} backlog=4096{listen};
    {tls}
    root {root};
    location = /hello {{ return 200 "{body}"; }}
    {block}
  }}
}}
"""

# Session tickets are on by default, with a key that all workers share.
TLS = """\
ssl_certificate {folder}/chain.pem;
    ssl_certificate_key {folder}/key.pem;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;"""

# select is the usual way in Perl to sleep for less than a second; the module runs it in the worker's own loop.
BLOCK = """\
location = /block {{ perl 'sub {{
      my $r = shift;
      select(undef, undef, undef, 0.05);
      $r->header_out("Content-Length", {size});
      $r->send_http_header("text/plain");
      $r->print("{body}");
      return OK;
    }}'; }}"""


def launch(order: Order, listen: str = "", blocking: bool = False) -> Launch:
    body = BODY.decode().replace("\n", "\\n")
    main = [f"load_module {PERL_MODULE};"] if blocking else []
    if order.user:
        main.append(f"user {order.user};")
    config = CONFIG.format(
        main="\n".join(main),
        workers=order.workers,
        # One worker may get all connections: nginx does not spread them.
        connections=order.connections + 64,
        descriptors=order.connections + 256,
        folder=order.folder,
        keepalive=KEEPALIVE_SECONDS,
        port=order.port,
        listen=listen,
        ssl=" ssl" if order.tls else "",
        tls=TLS.format(folder=order.tls) if order.tls else "",
        root=order.root,
        body=body,
        block=BLOCK.format(size=len(BODY), body=body) if blocking else "",
    )
    error_log = f"{order.folder}/error.log"  # until the configuration has been read
    return Launch(["/usr/sbin/nginx", "-e", error_log, "-p", str(order.folder), "-c", f"{order.folder}/nginx.conf"],
                  {"nginx.conf": config})


def _server(name, offers, **how):
    return Server(name, frozenset(offers), partial(launch, **how), ["/usr/sbin/nginx", "-v"])


NGINX = _server("nginx", {CONSTANT, FILES})
NGINX_DEFERRED = _server("nginx-deferred", {CONSTANT, FILES}, listen=" deferred")
NGINX_PERL = _server("nginx-perl", {CONSTANT, BLOCKING}, blocking=True)
NGINX_PERL_REUSEPORT = _server("nginx-perl-reuseport", {CONSTANT, BLOCKING}, blocking=True, listen=" reuseport")
