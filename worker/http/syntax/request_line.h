// request_line: method SP request-target SP HTTP-version (RFC 9112 section 3), without any extra byte. Pure.
//
// This file checks the form of the target; target.h interprets it.
#ifndef PREFORKD_WORKER_HTTP_SYNTAX_REQUEST_LINE_H_
#define PREFORKD_WORKER_HTTP_SYNTAX_REQUEST_LINE_H_

#include <optional>
#include <string_view>

#include "worker/http/syntax/refusal.h"
#include "worker/http/syntax/request.h"

namespace preforkd::http {

struct RequestLine {
  HttpMethod method = HttpMethod::kGet;
  std::string_view method_name;
  std::string_view target;
  // The minor version of HTTP/1.x. A higher one than 1 becomes 1: a recipient processes a message as the
  // highest version that it knows (RFC 9110 section 2.5).
  int minor_version = 1;
};

// `so_far`: the start of a request line, possibly incomplete. A refusal does not depend on what follows.
Refusal CheckMethod(std::string_view so_far);

// `line`: without CRLF; it has passed CheckMethod. `parsed` points into it.
Refusal ParseRequestLine(std::string_view line, RequestLine& parsed);

// nullopt: an unknown method.
std::optional<HttpMethod> MethodOf(std::string_view token);

// What the first bytes of a request tell about its method, even if the rest is invalid.
enum class MethodSeen {
  kHead,     // HEAD: the response has no content
  kUnknown,  // too few bytes: it may become HEAD
  kOther,
};
MethodSeen SeeMethod(std::string_view so_far);

}  // namespace preforkd::http

#endif
