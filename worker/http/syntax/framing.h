// framing: determines the length of a request's body (RFC 9112 section 6.3). One pure function in a file of
// its own, because request smuggling exploits disagreement of two servers about exactly this.
#ifndef PREFORKD_WORKER_HTTP_SYNTAX_FRAMING_H_
#define PREFORKD_WORKER_HTTP_SYNTAX_FRAMING_H_

#include <cstdint>
#include <span>

#include "worker/http/syntax/refusal.h"
#include "worker/http/syntax/request.h"

namespace preforkd::http {

struct Framing {
  enum class Kind { kNone, kLength, kChunked };
  Kind kind = Kind::kNone;
  std::uint64_t length = 0;     // kLength, never 0
  Refusal refusal = kAccepted;  // set: the length cannot be determined
};

// `fields` contain at most one Content-Length or Transfer-Encoding: HeadParser checks that. A length above
// `max_body` is refused with 413 at once.
Framing DecideFraming(std::span<const HttpField> fields, int minor_version, std::uint64_t max_body);

}  // namespace preforkd::http

#endif
