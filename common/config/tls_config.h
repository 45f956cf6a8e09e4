// The [tls] part of the configuration: certificates, and what a gate offers to clients. Plain values.
#ifndef PREFORKD_COMMON_CONFIG_TLS_CONFIG_H_
#define PREFORKD_COMMON_CONFIG_TLS_CONFIG_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "common/base/clock.h"

namespace preforkd {

enum class TlsVersion : std::uint8_t { k12, k13 };
enum class ClientCertificates : std::uint8_t { kOff, kOptional, kRequired };

inline constexpr std::size_t kMaxCertificates = 256;

// One [[tls.certificate]]: a chain and the key that fits its first certificate. All are paths.
struct CertificateConfig {
  std::string chain;  // PEM, the server's certificate first
  std::string key;    // PEM, not encrypted
  std::string ocsp;   // an OCSP response, DER, which is stapled; empty: none

  bool operator==(const CertificateConfig&) const = default;
};

struct TlsConfig {
  // The first one is used for names that fit none, and for clients that send no name.
  std::vector<CertificateConfig> certificates;
  TlsVersion min_version = TlsVersion::k12;
  std::uint8_t ciphers = 0b111;  // a bit for each word of kCipherWords
  std::uint8_t curves = 0b111;   // a bit for each word of kCurveWords
  ClientCertificates client_certificates = ClientCertificates::kOff;
  std::string client_ca;                                  // PEM; required unless client_certificates is off
  Duration handshake_timeout = std::chrono::seconds(10);  // from accept to the end of the handshake
  Duration ticket_lifetime = std::chrono::hours(24);      // 0 = no session tickets

  bool operator==(const TlsConfig&) const = default;
};

inline constexpr const char* kCipherWords[] = {"aes-128-gcm", "aes-256-gcm", "chacha20-poly1305"};
inline constexpr const char* kCurveWords[] = {"x25519", "secp256r1", "secp384r1"};

}  // namespace preforkd

#endif
