// Certificates that a test makes for itself: chains, keys and OCSP responses as they are in files. No private
// key is in the tree.
#ifndef PREFORKD_TESTS_LOOPBACK_GATE_TEST_CERTIFICATES_H_
#define PREFORKD_TESTS_LOOPBACK_GATE_TEST_CERTIFICATES_H_

#include <chrono>
#include <string>
#include <vector>

namespace preforkd::testing {

enum class KeyKind { kEc, kRsa, kEd25519, kP384, kP521, kDsa, kEd448 };

struct CertificateSpec {
  std::string common_name{};
  std::vector<std::string> names{};  // DNS names
  KeyKind key = KeyKind::kEc;
  bool authority = false;
  std::chrono::seconds begins = std::chrono::hours(-1);  // from now
  std::chrono::seconds ends = std::chrono::hours(24);
  std::string purpose{};  // an OID; empty: any
};

struct TestCertificate {
  std::string pem;
  std::string key;  // PEM, PKCS #8
};

// Signed by `issuer`; nullptr: by itself. Throws std::runtime_error.
TestCertificate MakeCertificate(const CertificateSpec& spec, const TestCertificate* issuer = nullptr);

// The key as the older tools write it ("EC PRIVATE KEY").
std::string TraditionalKey(const TestCertificate& certificate);
// The key with a passphrase, PKCS #8.
std::string EncryptedKey(const TestCertificate& certificate);
// A response in DER, which ends then: the certificate is good, or was revoked.
std::string MakeStaple(const TestCertificate& certificate, const TestCertificate& issuer,
                       std::chrono::seconds ends = std::chrono::hours(1), bool revoked = false);
std::string FingerprintOf(const TestCertificate& certificate);  // SHA-256, 32 bytes

// Made once for each process: they take time.
const TestCertificate& TestAuthority();
// Of TestAuthority, for a.test; one of each kind.
const TestCertificate& EcCertificate();
const TestCertificate& RsaCertificate();

}  // namespace preforkd::testing

#endif
