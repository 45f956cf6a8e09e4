#include "worker/gate/gate_settings.h"

#include <iterator>
#include <string>
#include <utility>

namespace preforkd {
namespace {

std::string PriorityOf(const TlsConfig& config) {
  // Suites with forward secrecy and an AEAD, and signatures that do not use SHA-1: Mozilla's "intermediate".
  std::string text = "NONE:+COMP-NULL:+VERS-TLS1.3:+AEAD:+ECDHE-ECDSA:+ECDHE-RSA";
  if (config.min_version == TlsVersion::k12) text += ":+VERS-TLS1.2";
  constexpr const char* kCiphers[] = {":+AES-128-GCM", ":+AES-256-GCM", ":+CHACHA20-POLY1305"};
  constexpr const char* kGroups[] = {":+GROUP-X25519", ":+GROUP-SECP256R1", ":+GROUP-SECP384R1"};
  for (std::size_t i = 0; i < std::size(kCiphers); ++i)
    if ((config.ciphers >> i & 1) != 0) text += kCiphers[i];
  for (std::size_t i = 0; i < std::size(kGroups); ++i)
    if ((config.curves >> i & 1) != 0) text += kGroups[i];
  text +=
      ":+SIGN-ECDSA-SECP256R1-SHA256:+SIGN-ECDSA-SECP384R1-SHA384:+SIGN-ECDSA-SECP521R1-SHA512"
      ":+SIGN-ECDSA-SHA256:+SIGN-ECDSA-SHA384:+SIGN-ECDSA-SHA512:+SIGN-EDDSA-ED25519"
      ":+SIGN-RSA-PSS-RSAE-SHA256:+SIGN-RSA-PSS-RSAE-SHA384:+SIGN-RSA-PSS-RSAE-SHA512"
      ":+SIGN-RSA-SHA256:+SIGN-RSA-SHA384:+SIGN-RSA-SHA512";
  return text;
}

Result<PriorityHandle> MakePriority(const std::string& text) {
  gnutls_priority_t priority = nullptr;
  if (const int result = gnutls_priority_init(&priority, text.c_str(), nullptr); result < 0)
    return GnutlsError("gnutls_priority_init", result);
  return PriorityHandle(priority);
}

}  // namespace

Result<GateSettings> GateSettings::Make(const TlsConfig& config, CertificateStore store,
                                        std::optional<TicketPage> tickets) {
  Result<PriorityHandle> clients = MakePriority(PriorityOf(config));
  Result<PriorityHandle> ours = MakePriority(PriorityOf(config) + ":%SERVER_PRECEDENCE");
  for (const Result<PriorityHandle>* made : {&clients, &ours})
    if (!made->Ok()) return made->Err();
  return GateSettings{config, std::move(store), std::move(tickets), std::move(clients).Value(),
                      std::move(ours).Value()};
}

}  // namespace preforkd
