#include "worker/connection/tls/record_crypto.h"

#include <openssl/evp.h>
#include <openssl/kdf.h>

#include <array>
#include <exception>
#include <span>
#include <utility>

namespace preforkd::tls {
namespace {

// Changes keys, seals and opens once. libcrypto loads much at the first use, its configuration file among it:
// a worker that met that at its first KeyUpdate, behind its call filter, would be refused a call.
bool Works(RecordCrypto& crypto, Suite suite) {
  DirectionState keys;
  keys.secret.fill(std::byte{1});
  crypto.schedule.Update(suite, keys);
  const std::span<const std::byte> key = std::span(keys.key).first(KeyBytes(suite));
  constexpr std::byte kText{42};
  std::array<std::byte, 1 + kTagBytes> sealed{kText};
  const Forgetting forgetting(crypto.aead);
  crypto.aead.SetSealingKey(suite, key);
  crypto.aead.BeginSealing(keys.iv, std::span(sealed).first(1));
  crypto.aead.Add(std::span(sealed).first(1), sealed.data());
  crypto.aead.FinishSealing(std::span(sealed).last<kTagBytes>());
  crypto.aead.SetOpeningKey(suite, key);
  return crypto.aead.Open(keys.iv, {&kText, 1}, sealed) && sealed[0] == kText;
}

Status Try(RecordCrypto& crypto) {
  try {
    for (const Suite suite : {Suite::kAes128Gcm, Suite::kAes256Gcm, Suite::kChaCha20Poly1305})
      if (!Works(crypto, suite)) return Error{"libcrypto does not open what it has sealed", 0};
  } catch (const std::exception& error) {
    return Error{error.what(), 0};
  }
  return {};
}

}  // namespace

void FreeOpenssl::operator()(evp_cipher_st* cipher) const { EVP_CIPHER_free(cipher); }
void FreeOpenssl::operator()(evp_cipher_ctx_st* context) const { EVP_CIPHER_CTX_free(context); }
void FreeOpenssl::operator()(evp_kdf_st* kdf) const { EVP_KDF_free(kdf); }

Result<RecordCrypto> RecordCrypto::Make() {
  OSSL_LIB_CTX* const context = OSSL_LIB_CTX_new();
  if (context == nullptr) return Error{"libcrypto has no memory", 0};
  const LibraryHandle library(context, OSSL_LIB_CTX_free);
  Result<Aead> aead = Aead::Make(library);
  if (!aead.Ok()) return aead.Err();
  Result<KeySchedule> schedule = KeySchedule::Make(library);
  if (!schedule.Ok()) return schedule.Err();
  RecordCrypto crypto{std::move(aead).Value(), std::move(schedule).Value()};
  if (const Status works = Try(crypto); !works.Ok()) return works.Err();
  return crypto;
}

}  // namespace preforkd::tls
