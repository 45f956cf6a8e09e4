// RequestBody: a body that did not arrive in one piece with its head, and a copy of that head. Owned by the
// session from the end of the head to the end of the body; most requests never need one. Holds at most the
// head and max_body bytes.
#ifndef PREFORKD_WORKER_HTTP_REQUEST_BODY_H_
#define PREFORKD_WORKER_HTTP_REQUEST_BODY_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "worker/http/chunked_decoder.h"
#include "worker/http/framing.h"

namespace preforkd::http {

class RequestBody {
 public:
  // `framing` has a body.
  RequestBody(std::string_view head, const Framing& framing, std::uint64_t max_body);

  // Uses bytes of `input` and never one that lies behind the body; says how many in `used`.
  ChunkedDecoder::State Feed(std::string_view input, std::size_t& used);

  // The request head, to be parsed again when the body is complete.
  [[nodiscard]] const std::string& Head() const { return head_; }
  [[nodiscard]] const std::string& Data() const { return data_; }

 private:
  std::string head_;
  std::string data_;
  std::uint64_t left_;                     // without a decoder
  std::optional<ChunkedDecoder> decoder_;  // set for chunked coding
};

}  // namespace preforkd::http

#endif
