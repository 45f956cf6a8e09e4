// response_head: the status line and the fields of a response, written by hand into a buffer. Pure; allocates
// nothing, because it runs for every request.
#ifndef PREFORKD_WORKER_HTTP_ANSWER_RESPONSE_HEAD_H_
#define PREFORKD_WORKER_HTTP_ANSWER_RESPONSE_HEAD_H_

#include <cstddef>
#include <span>
#include <string_view>

#include "worker/http/answer/response.h"

namespace preforkd::http {

// Enough for every head: HttpResponse bounds what a handler may add.
inline constexpr std::size_t kMaxResponseHead = 34 * 1024;

struct HeadContext {
  std::string_view date;   // IMF-fixdate
  bool keep_alive = true;  // what is told to the client
  int client_minor_version = 1;
};

// Returns the bytes written. Precondition: `out` holds kMaxResponseHead bytes, and `response` is not
// malformed.
std::size_t WriteHead(const HttpResponse& response, const HeadContext& context, std::span<char> out);

}  // namespace preforkd::http

#endif
