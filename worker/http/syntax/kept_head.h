// KeptHead: the head of a request whose body did not arrive with it. Holds a copy of the bytes and the parsed
// request, so that nothing is parsed again when the body is complete.
#ifndef PREFORKD_WORKER_HTTP_SYNTAX_KEPT_HEAD_H_
#define PREFORKD_WORKER_HTTP_SYNTAX_KEPT_HEAD_H_

#include <string>
#include <string_view>
#include <vector>

#include "worker/http/syntax/request.h"

namespace preforkd::http {

class KeptHead {
 public:
  // `bytes`: those from which `request` was parsed. All views point into them, except perhaps the path.
  KeptHead(std::string_view bytes, const HttpRequest& request);
  // The request points into this object.
  KeptHead(const KeptHead&) = delete;
  KeptHead& operator=(const KeptHead&) = delete;

  [[nodiscard]] std::string_view Bytes() const { return std::string_view(text_).substr(0, size_); }
  [[nodiscard]] const HttpRequest& Request() const { return request_; }

 private:
  std::size_t size_;
  std::string text_;  // the bytes, then the path
  std::vector<HttpField> fields_;
  HttpRequest request_;
};

}  // namespace preforkd::http

#endif
