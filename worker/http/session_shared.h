// SessionShared: what the HTTP sessions of one service share. Owned by the service. A session uses it only
// within one callback, so it must not keep any state of a connection.
#ifndef PREFORKD_WORKER_HTTP_SESSION_SHARED_H_
#define PREFORKD_WORKER_HTTP_SESSION_SHARED_H_

#include <fmt/format.h>

#include <string>

#include "common/structures/rate_limit.h"
#include "worker/http/answer/handler.h"
#include "worker/http/coding/compression.h"
#include "worker/http/http_settings.h"
#include "worker/http/place/places.h"
#include "worker/http/syntax/head_parser.h"
#include "worker/http/syntax/http_date.h"

namespace preforkd {
class Service;
}

namespace preforkd::http {

// The line of Strict-Transport-Security for answers over TLS, complete; empty: none.
inline std::string HstsLine(Duration hsts) {
  if (hsts == Duration(0)) return {};
  return fmt::format("Strict-Transport-Security: max-age={}\r\n",
                     std::chrono::ceil<std::chrono::seconds>(hsts).count());
}

struct SessionShared {
  SessionShared(const HttpSettings& settings, RequestHandler& service_handler, Service* next_service,
                Places* service_places)
      : config(settings),
        handler(service_handler),
        next(next_service),
        places(service_places),
        hsts(HstsLine(settings.hsts)),
        parser({settings.max_header, settings.max_headers}, settings.max_body) {}

  const HttpSettings config;
  RequestHandler& handler;
  Service* const next;         // of the protocol that a response may switch to; nullptr: none may
  Places* const places;  // nullptr: the service has none
  const std::string hsts;
  HeadParser parser;
  HttpResponse response;
  DateCache date;
  Compression compression;
  OncePerSecond fault_log;
};

}  // namespace preforkd::http

#endif
