// KeptRequest: a copy of a request that is answered after its handler has returned. It owns all that the
// request points to, except its place and its user, which outlive it.
#ifndef PREFORKD_WORKER_HTTP_ANSWER_KEPT_REQUEST_H_
#define PREFORKD_WORKER_HTTP_ANSWER_KEPT_REQUEST_H_

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "common/net/address.h"
#include "common/tls/tls_facts.h"
#include "worker/http/syntax/kept_head.h"

namespace preforkd::http {

class KeptRequest {
 public:
  // `head`: the bytes from which `request` was parsed.
  KeptRequest(std::string_view head, const HttpRequest& request);

  [[nodiscard]] const HttpRequest& Request() const { return request_; }
  [[nodiscard]] std::string_view HeadBytes() const { return head_.Bytes(); }
  // The request as another worker can read it. It may differ from what was received in how a body is divided
  // into chunks. Size: at least as many bytes.
  [[nodiscard]] std::string Bytes() const;
  [[nodiscard]] std::size_t Size() const;

  // Its body, which came in pieces, is complete: it is a request with a whole body from now on.
  void TakeBody(std::string body);
  // Another place answers it, as if the client had asked for the path of `moved` (Places). Once.
  void Move(const HttpRequest& moved);

 private:
  KeptHead head_;
  std::string body_;
  std::string moved_to_;
  SocketAddress peer_;
  std::unique_ptr<const TlsFacts> tls_;  // nullptr: the connection is plain
  HttpRequest request_;
};

}  // namespace preforkd::http

#endif
