#include "worker/connection/tls/aead.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/opensslv.h>
#include <string.h>

#include <stdexcept>
#include <utility>

#include "common/base/check.h"

namespace preforkd::tls {
namespace {

constexpr std::array<const char*, kSuites> kNames{"AES-128-GCM", "AES-256-GCM", "ChaCha20-Poly1305"};

constexpr std::size_t IndexOf(Suite suite) { return static_cast<std::size_t>(suite) - 1; }

const unsigned char* In(const std::byte* bytes) { return reinterpret_cast<const unsigned char*>(bytes); }
unsigned char* Out(std::byte* bytes) { return reinterpret_cast<unsigned char*>(bytes); }

void Require(int result) {
  if (result != 1) throw std::runtime_error("libcrypto cannot use a cipher");
}

}  // namespace

Result<Aead> Aead::Make(LibraryHandle library) {
  Aead aead;
  aead.library_ = std::move(library);
  for (std::size_t i = 0; i < kSuites; ++i) {
    // Once: an implicit fetch for each use doubles the cost of a small record.
    aead.ciphers_[i].reset(EVP_CIPHER_fetch(aead.library_.get(), kNames[i], nullptr));
    if (!aead.ciphers_[i]) return Error{std::string("libcrypto has no ") + kNames[i], 0};
  }
  aead.sealing_.reset(EVP_CIPHER_CTX_new());
  aead.opening_.reset(EVP_CIPHER_CTX_new());
  if (!aead.sealing_ || !aead.opening_) return Error{"libcrypto has no memory for a cipher", 0};
  return aead;
}

void Aead::SetKey(evp_cipher_ctx_st* context, Suite suite, std::span<const std::byte> key, bool sealing) {
  PF_CHECK(key.size() == KeyBytes(suite), "a key does not fit its suite");
  // Not only another key: a context of the key before keeps its last block of key stream.
  EVP_CIPHER_CTX_reset(context);
  Require(EVP_CipherInit_ex2(context, ciphers_[IndexOf(suite)].get(), In(key.data()), nullptr,
                             sealing ? 1 : 0, nullptr));
}

void Aead::SetSealingKey(Suite suite, std::span<const std::byte> key) {
  may_seal_ = true;
  SetKey(sealing_.get(), suite, key, true);
}

void Aead::SetOpeningKey(Suite suite, std::span<const std::byte> key) {
  may_open_ = true;
  SetKey(opening_.get(), suite, key, false);
}

void Aead::BeginSealing(const Nonce& nonce, std::span<const std::byte> additional) {
  PF_CHECK(may_seal_, "sealing without a key");
  Require(EVP_EncryptInit_ex2(sealing_.get(), nullptr, nullptr, In(nonce.data()), nullptr));
  int size = 0;
  Require(EVP_EncryptUpdate(sealing_.get(), nullptr, &size, In(additional.data()),
                            static_cast<int>(additional.size())));
}

void Aead::Add(std::span<const std::byte> plain, std::byte* out) {
  int size = 0;
  Require(
      EVP_EncryptUpdate(sealing_.get(), Out(out), &size, In(plain.data()), static_cast<int>(plain.size())));
  // A stream cipher and GCM hold nothing back.
  PF_CHECK(static_cast<std::size_t>(size) == plain.size(), "libcrypto has not encrypted all");
}

void Aead::FinishSealing(std::span<std::byte, kTagBytes> tag) {
  int size = 0;
  Require(EVP_EncryptFinal_ex(sealing_.get(), Out(tag.data()), &size));
  Require(
      EVP_CIPHER_CTX_ctrl(sealing_.get(), EVP_CTRL_AEAD_GET_TAG, static_cast<int>(kTagBytes), tag.data()));
}

bool Aead::Open(const Nonce& nonce, std::span<const std::byte> additional, std::span<std::byte> sealed) {
  PF_CHECK(may_open_, "opening without a key");
  PF_CHECK(sealed.size() >= kTagBytes, "a sealed record without a tag");
  const std::span<std::byte> text = sealed.first(sealed.size() - kTagBytes);
  EVP_CIPHER_CTX* const context = opening_.get();
  int size = 0;
  Require(EVP_DecryptInit_ex2(context, nullptr, nullptr, In(nonce.data()), nullptr));
  Require(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, static_cast<int>(kTagBytes),
                              text.data() + text.size()));
  Require(
      EVP_DecryptUpdate(context, nullptr, &size, In(additional.data()), static_cast<int>(additional.size())));
  // Without text there is nothing to update, and a null pointer would mean something else.
  if (!text.empty())
    Require(
        EVP_DecryptUpdate(context, Out(text.data()), &size, In(text.data()), static_cast<int>(text.size())));
  std::byte nothing{};
  if (EVP_DecryptFinal_ex(context, Out(&nothing), &size) == 1) return true;
  ::explicit_bzero(sealed.data(), sealed.size());
  return false;
}

void Aead::Forget() {
  // libcrypto wipes the context that it frees: key schedule, hash key, key stream.
  if (std::exchange(may_seal_, false)) EVP_CIPHER_CTX_reset(sealing_.get());
  if (std::exchange(may_open_, false)) EVP_CIPHER_CTX_reset(opening_.get());
}

LibraryVersion CryptoLibrary() {
  return {"libcrypto", LibraryVersion::Linked::kDynamic, OPENSSL_VERSION_STR,
          ::OpenSSL_version(OPENSSL_VERSION_STRING)};
}

}  // namespace preforkd::tls
