// TlsClient: a blocking TLS client for tests, OpenSSL's. It never reconnects. Every call ends within its
// timeout.
#ifndef PREFORKD_TESTS_SUPPORT_TLS_CLIENT_H_
#define PREFORKD_TESTS_SUPPORT_TLS_CLIENT_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/http_client.h"
#include "tests/support/tcp_client.h"

// OpenSSL's own names.
struct ssl_st;
struct ssl_ctx_st;
struct ssl_session_st;

namespace preforkd::testing {

struct TlsOptions {
  std::string server_name = "localhost";
  int max_version = 0;                // TLS1_2_VERSION and so on; 0: any
  std::string suite{};                // the only one that it offers, as OpenSSL names it; empty: all
  ssl_session_st* session = nullptr;  // to resume; borrowed
  std::string preface{};              // plain bytes before the handshake
};

class TlsClient {
 public:
  // Connects and makes the handshake. It does not verify the certificate. Throws std::runtime_error.
  explicit TlsClient(const std::string& address, const TlsOptions& options = {});
  TlsClient(TlsClient&&) noexcept;
  TlsClient& operator=(TlsClient&&) noexcept;
  ~TlsClient();

  [[nodiscard]] bool Send(std::string_view bytes);
  // Up to and including `delimiter`; later bytes are kept for the next call.
  std::optional<std::string> ReadUntil(std::string_view delimiter);
  std::optional<std::string> ReadExactly(std::size_t size);
  // What has arrived. It waits only where a record has begun. nullopt: the connection has ended.
  std::optional<std::string> ReadAvailable();
  [[nodiscard]] bool Echoes(std::string_view bytes) {
    return Send(bytes) && ReadExactly(bytes.size()) == bytes;
  }
  // One request and its response with a Content-Length.
  std::optional<HttpResponse> Get(const std::string& target);
  // Asks the server to change its keys too.
  [[nodiscard]] bool UpdateKeys();
  // The server has said close_notify, with nothing before it.
  [[nodiscard]] bool IsClosedInOrder();

  [[nodiscard]] bool Resumed() const;
  [[nodiscard]] std::string Version() const;
  // The session for TlsOptions::session; read something first: the ticket comes behind the handshake.
  [[nodiscard]] std::shared_ptr<ssl_session_st> Session() const;
  // The lines that the library would write to SSLKEYLOGFILE.
  [[nodiscard]] const std::string& KeyLog() const { return *key_log_; }
  [[nodiscard]] ssl_st* Raw() const { return ssl_.get(); }  // borrowed

 private:
  struct Closer {
    void operator()(ssl_st* ssl) const;
    void operator()(ssl_ctx_st* context) const;
  };
  bool Fill();

  TcpClient tcp_;
  std::unique_ptr<ssl_ctx_st, Closer> context_;
  std::unique_ptr<std::string> key_log_;  // found by the library's callback
  std::unique_ptr<ssl_st, Closer> ssl_;
  std::string buffer_;
};

enum class TestKey { kEc, kRsa };
// Makes NAME.crt and NAME.key in `folder`: a self-signed certificate for the name. Throws
// std::runtime_error. Returns nothing else: paths are folder/NAME.crt and folder/NAME.key.
void MakeTestCertificate(const std::string& folder, const std::string& name, const std::string& dns_name,
                         int days = 90, TestKey kind = TestKey::kEc);

// How many of them get the page "/".
int Answered(std::vector<TlsClient>& clients);

}  // namespace preforkd::testing

#endif
