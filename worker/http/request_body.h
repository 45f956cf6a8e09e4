// RequestBody: a body that did not arrive with its head, and that head. Owned by the session from the end of
// the head to the end of the body; most requests need none. Holds at most the head and max_body bytes.
#ifndef PREFORKD_WORKER_HTTP_REQUEST_BODY_H_
#define PREFORKD_WORKER_HTTP_REQUEST_BODY_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/structures/recycled.h"
#include "worker/http/syntax/chunked_decoder.h"
#include "worker/http/syntax/framing.h"
#include "worker/http/syntax/kept_head.h"

namespace preforkd::http {

class RequestBody : public Recycled<RequestBody> {
 public:
  // `head`: the bytes from which `request` was parsed. `framing` must have a body.
  RequestBody(std::string_view head, const HttpRequest& request, const Framing& framing,
              std::uint64_t max_body);

  // Uses bytes of `input`, never beyond the end of the body; sets `used` to their number.
  ChunkedDecoder::State Feed(std::string_view input, std::size_t& used);

  // The data received and not dropped.
  [[nodiscard]] std::string_view Data() const { return data_; }
  // Drops the data received so far.
  void Forget() { data_.clear(); }

  [[nodiscard]] std::string_view HeadBytes() const { return head_.Bytes(); }
  // The request with the body received so far. Points into this object.
  [[nodiscard]] HttpRequest Request() const;

 private:
  KeptHead head_;
  std::string data_;
  std::uint64_t left_;                     // bytes that are missing; not used with decoder_
  std::optional<ChunkedDecoder> decoder_;  // set for chunked coding
};

}  // namespace preforkd::http

#endif
