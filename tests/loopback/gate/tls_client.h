// A TLS client over memory, OpenSSL's or GnuTLS's, for handshakes with a gate. Behind the handshake it is a
// LibraryPeer, so that Converse (tests/loopback/tls) can talk with it.
#ifndef PREFORKD_TESTS_LOOPBACK_GATE_TLS_CLIENT_H_
#define PREFORKD_TESTS_LOOPBACK_GATE_TLS_CLIENT_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/loopback/tls/library_peer.h"

namespace preforkd::testing {

struct ClientOptions {
  std::string server_name{};  // empty: it sends none
  // Lowest and highest version, 10 to 13.
  int lowest = 12;
  int highest = 13;
  std::optional<tls::Suite> suite{};     // the only one that it offers
  std::string suites{};                  // of TLS 1.2 and 1.3, OpenSSL's names and its only
  std::size_t record_size = 0;           // the most bytes in a record for it, 512 to 4096; 0: it does not say
  std::string groups{};                  // OpenSSL's names, "P-521:X25519": the first is guessed
  std::vector<std::string> protocols{};  // ALPN
  std::string authority{};               // PEM; empty: the server's certificate is not verified
  std::string chain{};                   // PEM of its own certificate
  std::string key{};
  std::string signatures{};  // OpenSSL's names: those that it can verify
  bool staple = false;       // asks for an OCSP response
  bool tickets = true;
  std::string session{};  // of TlsClient::Session(): to be resumed
};

class TlsClient : public tls::testing::LibraryPeer {
 public:
  // The fatal alert that it has received, as the RFC spells it ("protocol_version"); empty: none.
  [[nodiscard]] virtual std::string Alert() const = 0;
  [[nodiscard]] virtual bool Resumed() const = 0;
  [[nodiscard]] virtual std::string Protocol() const = 0;  // ALPN
  [[nodiscard]] virtual std::string Staple() const = 0;    // DER
  // SHA-256 of the server's certificate.
  [[nodiscard]] virtual std::string ServerFingerprint() const = 0;
  // After it has read what the server sent behind the handshake. Empty: no ticket has come.
  [[nodiscard]] virtual std::string Session() = 0;
};

std::unique_ptr<TlsClient> MakeOpensslClient(const ClientOptions& options);
// Without `signatures` and `suites`; of `groups` it knows no guess: they are in our order.
std::unique_ptr<TlsClient> MakeGnutlsClient(const ClientOptions& options);

using MakeClient = std::unique_ptr<TlsClient> (*)(const ClientOptions& options);
struct Library {
  const char* name;
  MakeClient make;
};
inline constexpr Library kLibraries[] = {{"OpenSSL", MakeOpensslClient}, {"GnuTLS", MakeGnutlsClient}};

}  // namespace preforkd::testing

#endif
