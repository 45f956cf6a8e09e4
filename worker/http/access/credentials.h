// Credentials: the user name and the password of a request with basic authentication (RFC 7617). Pure.
#ifndef PREFORKD_WORKER_HTTP_ACCESS_CREDENTIALS_H_
#define PREFORKD_WORKER_HTTP_ACCESS_CREDENTIALS_H_

#include <cstddef>
#include <optional>
#include <string_view>

#include "common/base/secret_bytes.h"
#include "worker/http/syntax/request.h"

namespace preforkd::http {

// Wiped when its memory is given back.
class Credentials {
 public:
  // nullopt: there are none, several, of another scheme, or they are malformed.
  static std::optional<Credentials> Of(const HttpRequest& request);

  // Not empty, without a colon and without a control character.
  [[nodiscard]] std::string_view User() const { return Both().substr(0, colon_); }
  [[nodiscard]] std::string_view Password() const { return Both().substr(colon_ + 1); }
  // "user:password", as it was sent.
  [[nodiscard]] std::string_view Both() const { return {bytes_.data(), bytes_.size()}; }

 private:
  Credentials() = default;

  SecretBytes bytes_;
  std::size_t colon_ = 0;
};

}  // namespace preforkd::http

#endif
