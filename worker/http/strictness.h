// strictness: everything that RFC 9112 forbids and llhttp (or common sense) would let through, in one place.
//
// Works on raw bytes before llhttp sees them (ScanHead) and on the fields that llhttp found (CheckFields).
// A request that passes here means the same to every implementation in front of us or behind us: that is what
// keeps requests from being smuggled. Pure. Never mends anything: what is wrong is refused.
#ifndef PREFORKD_WORKER_HTTP_STRICTNESS_H_
#define PREFORKD_WORKER_HTTP_STRICTNESS_H_

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "worker/http/request.h"

namespace preforkd::http {

// The status that a refused request is answered with; kAccepted when there is nothing to refuse.
using Refusal = int;
inline constexpr Refusal kAccepted = 0;

struct HeadLimits {
  std::size_t max_bytes = 16 * 1024;  // request line and fields together
  std::size_t max_fields = 100;
};

struct HeadScan {
  enum class Kind { kIncomplete, kComplete, kRefused };
  Kind kind = Kind::kIncomplete;
  std::size_t size = 0;         // kComplete: bytes of the head, its empty line included
  Refusal refusal = kAccepted;  // kRefused
};

// Empty lines that a client may send before a request line (RFC 9112 section 2.2), and how many of them.
inline constexpr std::size_t kMaxEmptyLines = 4;
// The bytes at the start of `bytes` that are whole empty lines (CRLF).
std::size_t EmptyLineBytes(std::string_view bytes);

// Looks at the bytes from the start of a request line on. What is refused in a prefix is refused in the same
// way in everything that begins with this prefix: it does not matter how the bytes were cut into packets.
HeadScan ScanHead(std::string_view bytes, const HeadLimits& limits);

// Whether another scan can find anything new when `added` has arrived behind `before`, which was incomplete.
// Keeps a client that sends byte by byte from making us scan its head for every byte.
bool WorthScanning(std::string_view before, std::string_view added);

// nullopt: a token that we do not know.
std::optional<HttpMethod> MethodOf(std::string_view token);

// The fields of a complete head. `minor_version` as in HTTP/1.x.
Refusal CheckFields(std::span<const HttpField> fields, int minor_version);

}  // namespace preforkd::http

#endif
