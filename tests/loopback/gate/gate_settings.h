// What the handshakes of a gate share, made of certificates in memory.
#ifndef PREFORKD_TESTS_LOOPBACK_GATE_GATE_SETTINGS_H_
#define PREFORKD_TESTS_LOOPBACK_GATE_GATE_SETTINGS_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/loopback/gate/test_certificates.h"
#include "worker/gate/handshake.h"

namespace preforkd::testing {

// A gate's files. Contents of one [[tls.certificate]].
struct GateFiles {
  std::string chain;
  std::string key;
  std::string staple{};
};
GateFiles FilesOf(const TestCertificate& certificate);

SecretBytes Secret(std::string_view text);

// GnuTLS is made ready. The paths in messages are chain1.pem, key1.pem, ocsp1.der, clients.pem.
Result<CertificateStore> MakeStore(const std::vector<GateFiles>& files, TlsConfig config = {},
                                   const std::string& client_ca = {});
// With EcCertificate() and RsaCertificate(). Throws std::runtime_error.
GateSettings MakeSettings(const TlsConfig& config = {}, std::optional<TicketPage> tickets = std::nullopt,
                          const std::string& client_ca = {});
GateSettings MakeSettings(const std::vector<GateFiles>& files, const TlsConfig& config = {},
                          std::optional<TicketPage> tickets = std::nullopt,
                          const std::string& client_ca = {});

}  // namespace preforkd::testing

#endif
