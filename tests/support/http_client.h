// HttpClient: the part of HTTP/1.1 that tests need, over one TcpClient: Content-Length bodies, keep-alive.
#ifndef PREFORKD_TESTS_SUPPORT_HTTP_CLIENT_H_
#define PREFORKD_TESTS_SUPPORT_HTTP_CLIENT_H_

#include <map>
#include <optional>
#include <string>

#include "tests/support/tcp_client.h"

namespace preforkd::testing {

struct HttpResponse {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case; the last of equal names
  std::string body;
};

class HttpClient {
 public:
  // Throws std::runtime_error.
  explicit HttpClient(const std::string& address) : connection_(address) {}
  explicit HttpClient(TcpClient connection) : connection_(std::move(connection)) {}

  // One request and its response on this connection. nullopt: no complete response came.
  std::optional<HttpResponse> Get(const std::string& target, const std::string& more_headers = {});
  // The two halves of it.
  [[nodiscard]] bool Ask(const std::string& target, const std::string& more_headers = {});
  std::optional<HttpResponse> ReadResponse();
  [[nodiscard]] TcpClient& Connection() { return connection_; }

 private:
  TcpClient connection_;
};

}  // namespace preforkd::testing

#endif
