// RequestFacts: what a module may ask of a request, in the form of the C interface. Some of it is made at the
// first question.
//
// Any thread; but the loop thread alone changes what the facts are of.
#ifndef PREFORKD_WORKER_MODULE_HTTP_REQUEST_FACTS_H_
#define PREFORKD_WORKER_MODULE_HTTP_REQUEST_FACTS_H_

#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/tls/fingerprint_text.h"
#include "worker/api/module.h"
#include "worker/http/syntax/request.h"

namespace preforkd::module {

class RequestFacts {
 public:
  // `request` is borrowed. What was returned before is not valid any more.
  void Set(const HttpRequest& request);
  void Reset();

  [[nodiscard]] const HttpRequest& Request() const { return *request_; }
  [[nodiscard]] const std::vector<pfd_field>& Fields();
  [[nodiscard]] std::string_view Peer();
  // Of the client's certificate, as text; empty: it has shown none.
  [[nodiscard]] std::string_view Fingerprint();
  // The next bytes of a body that is whole; 0 at its end.
  std::int64_t Read(std::span<char> into);

 private:
  std::mutex mutex_;
  const HttpRequest* request_ = nullptr;
  std::vector<pfd_field> fields_;
  std::string peer_;
  std::optional<FingerprintText> fingerprint_;
  std::size_t read_ = 0;  // bytes of the body
};

}  // namespace preforkd::module

#endif
