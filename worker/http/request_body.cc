#include "worker/http/request_body.h"

#include <algorithm>

namespace preforkd::http {

RequestBody::RequestBody(std::string_view head, const HttpRequest& request, const Framing& framing,
                         std::uint64_t max_body)
    : head_(head, request), left_(framing.length) {
  if (framing.kind == Framing::Kind::kChunked) decoder_.emplace(max_body);
}

HttpRequest RequestBody::Request() const {
  HttpRequest request = head_.Request();
  request.body = data_;
  return request;
}

ChunkedDecoder::State RequestBody::Feed(std::string_view input, std::size_t& used) {
  if (decoder_) return decoder_->Feed(input, data_, used);
  // Memory grows with the data received, not with the announced length.
  used = static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size()));
  data_.append(input.substr(0, used));
  left_ -= used;
  return left_ == 0 ? ChunkedDecoder::State::kDone : ChunkedDecoder::State::kMore;
}

}  // namespace preforkd::http
