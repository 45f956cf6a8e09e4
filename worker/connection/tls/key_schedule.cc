#include "worker/connection/tls/key_schedule.h"

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <string.h>

#include <array>
#include <memory>
#include <stdexcept>
#include <utility>

#include "common/base/check.h"

namespace preforkd::tls {
namespace {

// libcrypto's parameters take pointers to what they do not change.
OSSL_PARAM Text(const char* name, std::string_view text) {
  return OSSL_PARAM_construct_utf8_string(name, const_cast<char*>(text.data()), text.size());
}

OSSL_PARAM Octets(const char* name, const void* bytes, std::size_t size) {
  return OSSL_PARAM_construct_octet_string(name, const_cast<void*>(bytes), size);
}

struct FreeContext {
  void operator()(EVP_KDF_CTX* context) const { EVP_KDF_CTX_free(context); }
};

std::span<std::byte> SecretOf(Suite suite, DirectionState& direction) {
  return std::span(direction.secret).first(SecretBytes(suite));
}

}  // namespace

Result<KeySchedule> KeySchedule::Make(LibraryHandle library) {
  KeySchedule schedule;
  schedule.library_ = std::move(library);
  schedule.kdf_.reset(EVP_KDF_fetch(schedule.library_.get(), OSSL_KDF_NAME_TLS1_3_KDF, nullptr));
  if (!schedule.kdf_) return Error{"libcrypto has no " OSSL_KDF_NAME_TLS1_3_KDF, 0};
  return schedule;
}

void KeySchedule::ExpandLabel(Suite suite, std::span<const std::byte> secret, std::string_view label,
                              std::span<std::byte> out) const {
  PF_CHECK(secret.size() == SecretBytes(suite), "a secret does not fit its suite");
  // Made for each use: it copies the secret, and wipes it when it is freed.
  const std::unique_ptr<EVP_KDF_CTX, FreeContext> context(EVP_KDF_CTX_new(kdf_.get()));
  constexpr std::string_view kPrefix = "tls13 ";
  const std::array<OSSL_PARAM, 6> params{
      Text(OSSL_KDF_PARAM_MODE, "EXPAND_ONLY"),
      Text(OSSL_KDF_PARAM_DIGEST, suite == Suite::kAes256Gcm ? "SHA2-384" : "SHA2-256"),
      Octets(OSSL_KDF_PARAM_KEY, secret.data(), secret.size()),
      Octets(OSSL_KDF_PARAM_PREFIX, kPrefix.data(), kPrefix.size()),
      Octets(OSSL_KDF_PARAM_LABEL, label.data(), label.size()),
      OSSL_PARAM_construct_end(),
  };
  auto* const bytes = reinterpret_cast<unsigned char*>(out.data());
  if (!context || EVP_KDF_derive(context.get(), bytes, out.size(), params.data()) != 1)
    throw std::runtime_error("libcrypto cannot derive a key");
}

void KeySchedule::DeriveKeys(Suite suite, DirectionState& direction) const {
  const std::span<const std::byte> secret = SecretOf(suite, direction);
  ExpandLabel(suite, secret, "key", std::span(direction.key).first(KeyBytes(suite)));
  ExpandLabel(suite, secret, "iv", direction.iv);
  direction.sequence = 0;
}

void KeySchedule::Update(Suite suite, DirectionState& direction) const {
  std::array<std::byte, kMaxSecretBytes> next{};
  const std::span<std::byte> secret = SecretOf(suite, direction);
  ExpandLabel(suite, secret, "traffic upd", std::span(next).first(secret.size()));
  direction.secret = next;
  ::explicit_bzero(next.data(), next.size());
  DeriveKeys(suite, direction);
}

}  // namespace preforkd::tls
