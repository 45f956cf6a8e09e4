// Tls: the TLS session that the clients of a test have, without any cryptography.
#ifndef PREFORKD_TESTING_TLS_HPP
#define PREFORKD_TESTING_TLS_HPP

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>

#include "../module.h"

namespace pfd::testing {

// Empty texts: the client has not named a server, or has shown no certificate.
struct Tls {
  std::string version = "TLSv1.3";
  std::string cipher = "AES-128-GCM";
  bool resumed = false;
  std::string server_name = {};
  std::string client_subject = {};
  std::string client_fingerprint = {};  // 64 hexadecimal digits
};

namespace detail {

inline int fill_tls(const Tls* tls, pfd_tls* into) {
  if (tls == nullptr) return 0;
  if (into == nullptr || into->size < sizeof(into->size)) return 1;
  const auto text = [](const std::string& from) {
    return from.empty() ? pfd_str{nullptr, 0} : pfd_str{from.data(), from.size()};
  };
  const std::uint32_t size = std::min(into->size, static_cast<std::uint32_t>(sizeof(pfd_tls)));
  const pfd_tls full{size,
                     tls->resumed ? 1U : 0U,
                     text(tls->version),
                     text(tls->cipher),
                     text(tls->server_name),
                     text(tls->client_subject),
                     text(tls->client_fingerprint)};
  std::memcpy(into, &full, size);
  return 1;
}

}  // namespace detail
}  // namespace pfd::testing

#endif
