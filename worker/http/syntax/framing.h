// framing: how long the body of a request is (RFC 9112 section 6.3). One pure decision, in a file of its own
// because every desynchronisation between two servers is a disagreement about it.
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
  Refusal refusal = kAccepted;  // set: there is no answer to the question
};

// At most one of `fields` is a length or an encoding: HeadParser sees to it. A length above `max_body` is
// refused with 413 before anything is read.
Framing DecideFraming(std::span<const HttpField> fields, int minor_version, std::uint64_t max_body);

}  // namespace preforkd::http

#endif
