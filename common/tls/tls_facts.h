// TlsFacts: what services and logs may know of a TLS session. No secret.
#ifndef PREFORKD_COMMON_TLS_TLS_FACTS_H_
#define PREFORKD_COMMON_TLS_TLS_FACTS_H_

#include <string>

#include "common/tls/record_state.h"

namespace preforkd {

inline constexpr std::size_t kMaxServerName = 255;
inline constexpr std::size_t kMaxClientSubject = 512;
inline constexpr std::size_t kFingerprintBytes = 32;  // SHA-256 of the certificate

struct TlsFacts {
  tls::Version version = tls::Version::kTls13;
  tls::Suite suite = tls::Suite::kAes128Gcm;
  bool resumed = false;
  std::string server_name{};  // as the client named it (RFC 6066, 3); empty: it did not
  // Of the client's certificate, which was verified; empty: it sent none, or none was asked for.
  std::string client_subject{};      // RFC 4514; one that is longer than kMaxClientSubject is cut
  std::string client_fingerprint{};  // kFingerprintBytes bytes

  bool operator==(const TlsFacts&) const = default;
};

// "TLSv1.3", as other servers write it.
const char* VersionName(tls::Version version);
// "AES-128-GCM".
const char* SuiteName(tls::Suite suite);

}  // namespace preforkd

#endif
