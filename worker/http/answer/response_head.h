// response_head: writes the status line and the header fields into a buffer. Pure. It runs for every request,
// so it allocates nothing.
#ifndef PREFORKD_WORKER_HTTP_ANSWER_RESPONSE_HEAD_H_
#define PREFORKD_WORKER_HTTP_ANSWER_RESPONSE_HEAD_H_

#include <cstddef>
#include <span>
#include <string_view>

#include "worker/http/answer/answer_rules.h"
#include "worker/http/answer/response.h"

namespace preforkd::http {

// Maximum size of a head; HttpResponse limits what a handler can add. Of the rules: their lines, and that of
// Cache-Control.
inline constexpr std::size_t kMaxResponseHead = 34 * 1024 + AnswerRules::kMaxBytes + 2 * 1024;

// How the client finds the end of the body.
enum class BodyFraming {
  kLength,   // Content-Length
  kChunked,  // RFC 9112 section 7.1
  kToEnd,    // the connection ends with it (HTTP/1.0)
};

struct HeadContext {
  std::string_view date;   // IMF-fixdate
  bool keep_alive = true;  // what the Connection field tells the client
  int client_minor_version = 1;
  BodyFraming framing = BodyFraming::kLength;
  // The line of Strict-Transport-Security, complete; empty: none. A handler's own field takes its place.
  std::string_view hsts{};
  const AnswerRules* rules = nullptr;  // of the request's place; nullptr: none
};

// Returns the number of bytes written. Precondition: `out` has kMaxResponseHead bytes, and `response` is not
// malformed.
std::size_t WriteHead(const HttpResponse& response, const HeadContext& context, std::span<char> out);

}  // namespace preforkd::http

#endif
