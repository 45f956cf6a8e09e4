#include "worker/http/answer/kept_request.h"

#include <fmt/format.h>

#include <iterator>
#include <utility>

namespace preforkd::http {

KeptRequest::KeptRequest(std::string_view head, const HttpRequest& request)
    : head_(head, request), body_(request.body), peer_(*request.peer), request_(head_.Request()) {
  request_.body = body_;
  request_.peer = &peer_;
  request_.connection = request.connection;
  if (request.tls != nullptr) tls_ = std::make_unique<const TlsFacts>(*request.tls);
  request_.tls = tls_.get();
}

std::string KeptRequest::Bytes() const {
  std::string bytes(head_.Bytes());
  if (request_.body_follows) return bytes;
  if (!request_.Field("transfer-encoding")) return bytes + body_;
  if (!body_.empty()) fmt::format_to(std::back_inserter(bytes), "{:x}\r\n{}\r\n", body_.size(), body_);
  return bytes + "0\r\n\r\n";
}

std::size_t KeptRequest::Size() const {
  constexpr std::size_t kChunkLines = 32;
  return head_.Bytes().size() + body_.size() + kChunkLines;
}

void KeptRequest::TakeBody(std::string body) {
  body_ = std::move(body);
  request_.body = body_;
  request_.body_follows = false;
}

void KeptRequest::Move(const HttpRequest& moved) {
  if (request_.moved) return;
  moved_to_ = moved.path;
  request_.path = moved_to_;
  request_.place = moved.place;
  request_.user = moved.user;
  request_.moved = true;
}

}  // namespace preforkd::http
