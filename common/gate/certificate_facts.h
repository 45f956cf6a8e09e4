// CertificateFacts: what an operator may know of a certificate. No secret. The child that checks a
// configuration finds them; the master keeps them for metrics and preforkctl.
#ifndef PREFORKD_COMMON_GATE_CERTIFICATE_FACTS_H_
#define PREFORKD_COMMON_GATE_CERTIFICATE_FACTS_H_

#include <cstdint>
#include <string>
#include <vector>

namespace preforkd {

struct CertificateFacts {
  std::string chain;               // path of its file
  std::vector<std::string> names;  // DNS names, lower case
  std::string subject;             // RFC 4514
  std::string issuer;
  std::string key;          // "EC 256"
  std::string fingerprint;  // SHA-256, lower-case hexadecimal
  // Seconds since the epoch; of the certificates of the chain that start last and end first.
  std::int64_t not_before = 0;
  std::int64_t not_after = 0;
  // The positions of those certificates in the chain, from 1.
  std::uint32_t starts_last = 1;
  std::uint32_t ends_first = 1;
  std::string staple{};  // path of its OCSP response; empty: none
  // When that response ends, and is not sent any more. 0: it says that the certificate was revoked, and is
  // never sent.
  std::int64_t staple_ends = 0;

  bool operator==(const CertificateFacts&) const = default;
};

// In the order of the configuration.
using AllCertificateFacts = std::vector<CertificateFacts>;

}  // namespace preforkd

#endif
