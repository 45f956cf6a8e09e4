// RequestBody: a body that did not arrive in one piece with its head, and the head that it belongs to. Owned
// by the session from the end of the head to the end of the body; most requests never need one. Holds at most
// the head and max_body bytes.
#ifndef PREFORKD_WORKER_HTTP_REQUEST_BODY_H_
#define PREFORKD_WORKER_HTTP_REQUEST_BODY_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/structures/recycled.h"
#include "worker/http/kept_head.h"
#include "worker/http/syntax/chunked_decoder.h"
#include "worker/http/syntax/framing.h"

namespace preforkd::http {

class RequestBody : public Recycled<RequestBody> {
 public:
  // `head` are the bytes that `request` was parsed from; `framing` has a body.
  RequestBody(std::string_view head, const HttpRequest& request, const Framing& framing,
              std::uint64_t max_body);

  // Uses bytes of `input` and never one that lies behind the body; says how many in `used`.
  ChunkedDecoder::State Feed(std::string_view input, std::size_t& used);

  // Drops the data that has arrived.
  void Forget() { data_.clear(); }

  [[nodiscard]] std::string_view HeadBytes() const { return head_.Bytes(); }
  // With the body as far as it has arrived. Points into this object.
  [[nodiscard]] HttpRequest Request() const;

 private:
  KeptHead head_;
  std::string data_;
  std::uint64_t left_;                     // without a decoder
  std::optional<ChunkedDecoder> decoder_;  // set for chunked coding
};

}  // namespace preforkd::http

#endif
