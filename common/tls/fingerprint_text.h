// FingerprintText: the fingerprint of a client's certificate for people and configurations: hexadecimal,
// lower case, without separators, as `openssl x509 -fingerprint -sha256` prints it but for its colons.
#ifndef PREFORKD_COMMON_TLS_FINGERPRINT_TEXT_H_
#define PREFORKD_COMMON_TLS_FINGERPRINT_TEXT_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

#include "common/tls/tls_facts.h"

namespace preforkd {

class FingerprintText {
 public:
  // `bytes`: TlsFacts::client_fingerprint. Empty if that is. Allocates nothing.
  explicit FingerprintText(std::string_view bytes) : size_(2 * std::min(bytes.size(), kFingerprintBytes)) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    for (std::size_t i = 0; i < size_; ++i) {
      const auto byte = static_cast<unsigned char>(bytes[i / 2]);
      text_[i] = kDigits[i % 2 == 0 ? byte >> 4U : byte & 15U];
    }
  }

  [[nodiscard]] std::string_view View() const { return {text_.data(), size_}; }

 private:
  std::array<char, 2 * kFingerprintBytes> text_{};
  std::size_t size_;
};

}  // namespace preforkd

#endif
