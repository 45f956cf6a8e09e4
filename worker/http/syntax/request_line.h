// request_line: method SP request-target SP HTTP-version (RFC 9112 section 3), and not one byte more. Pure.
//
// The form of the target is judged here; what it means is decided in target.h.
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
  // HTTP/1.x. A minor version above 1 is 1: a message of a higher one is processed as the highest that the
  // recipient knows (RFC 9110 section 2.5).
  int minor_version = 1;
};

// `so_far` is the start of a request line; its end may not have arrived. What is refused here is refused in
// the same way however much follows.
Refusal CheckMethod(std::string_view so_far);

// `line` has lost its CRLF and has passed CheckMethod. `parsed` points into it.
Refusal ParseRequestLine(std::string_view line, RequestLine& parsed);

// nullopt: a token that we do not know.
std::optional<HttpMethod> MethodOf(std::string_view token);

// What the first bytes of a request, whatever is wrong with the rest, say about its method.
enum class MethodSeen {
  kHead,     // HEAD: the answer has no content
  kUnknown,  // too few bytes: it may become HEAD
  kOther,
};
MethodSeen SeeMethod(std::string_view so_far);

}  // namespace preforkd::http

#endif
