// SessionShared: what the HTTP sessions of one service share. Owned by the service. One session uses it
// within one callback; nothing of a connection may be kept in it.
#ifndef PREFORKD_WORKER_HTTP_SESSION_SHARED_H_
#define PREFORKD_WORKER_HTTP_SESSION_SHARED_H_

#include "common/structures/rate_limit.h"
#include "worker/http/answer/handler.h"
#include "worker/http/http_settings.h"
#include "worker/http/syntax/head_parser.h"
#include "worker/http/syntax/http_date.h"

namespace preforkd::http {

struct SessionShared {
  SessionShared(const HttpSettings& settings, HttpHandler& service_handler)
      : config(settings),
        handler(service_handler),
        parser({settings.max_header, settings.max_headers}, settings.max_body) {}

  const HttpSettings config;
  HttpHandler& handler;
  HeadParser parser;
  HttpResponse response;
  DateCache date;
  OncePerSecond fault_log;
};

}  // namespace preforkd::http

#endif
