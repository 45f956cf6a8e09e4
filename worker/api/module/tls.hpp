// Tls: what is known of the TLS session of a client.
#ifndef PREFORKD_MODULE_TLS_HPP
#define PREFORKD_MODULE_TLS_HPP

#include <optional>
#include <string_view>

#include "text.hpp"

namespace pfd::inline v1 {

// The texts are valid as long as the request or the session that was asked.
struct Tls {
  std::string_view version;  // "TLSv1.3"
  std::string_view cipher;   // "AES-128-GCM"
  bool resumed = false;      // with the keys of an earlier session of this client
  // As the client asked for it. It decides which certificate it got.
  std::optional<std::string_view> server_name;
  // Of its certificate, which has been verified (tls.client_certificates); absent: it has shown none.
  std::optional<std::string_view> client_subject;      // RFC 4514: "CN=anna,O=Example"
  std::optional<std::string_view> client_fingerprint;  // SHA-256, hexadecimal
};

namespace detail {

// `ask(&facts)` is a question of pfd_host.
template <class Ask>
std::optional<Tls> tls_of(Ask ask) {
  pfd_tls facts{};
  facts.size = sizeof(facts);
  if (ask(&facts) == 0) return std::nullopt;
  return Tls{view(facts.version),      view(facts.cipher),          facts.resumed != 0,
             maybe(facts.server_name), maybe(facts.client_subject), maybe(facts.client_fingerprint)};
}

}  // namespace detail
}  // namespace pfd::inline v1

#endif
