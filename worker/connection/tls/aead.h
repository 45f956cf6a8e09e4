// Aead: the three AEADs of the record layer, thin over libcrypto. One object for a worker, for all of its
// sessions: one context for each direction, keyed at each use, so that a session holds none (a context takes
// 1 KB).
//
// It keeps no key of a session: the reader and the writer of records call Forget() at the end of each call,
// so outside of such a call a context holds nothing of any session. Used by one thread.
//
// Why libcrypto (Debian 12, one core, ns for one record in place, key kept / keyed for each record):
//
//   |                   | 100 bytes: OpenSSL 3.0 | GnuTLS 3.7 | 16 KiB: OpenSSL | GnuTLS        |
//   | AES-128-GCM       | 186 / 318              | 122 / 200  | 2,829 / 2,999   | 2,999 / 3,079 |
//   | AES-256-GCM       | 200 / 335              | 132 / 209  | 2,982 / 3,169   | 3,464 / 3,490 |
//   | ChaCha20-Poly1305 | 550 / 576              | 622 / 634  | 3,539 / 3,478   | 51,859 / 50,991 |
//
// GnuTLS (gnutls_aead_cipher_encryptv2) is faster by 0.1 us for a small record and 15 times slower for a
// large one with ChaCha20, the suite of clients without AES instructions.
#ifndef PREFORKD_WORKER_CONNECTION_TLS_AEAD_H_
#define PREFORKD_WORKER_CONNECTION_TLS_AEAD_H_

#include <array>
#include <cstddef>
#include <span>

#include "common/about/about.h"
#include "common/base/result.h"
#include "common/tls/record_state.h"
#include "worker/connection/tls/openssl_handles.h"

namespace preforkd::tls {

inline constexpr std::size_t kTagBytes = 16;
using Nonce = std::array<std::byte, kIvBytes>;

class Aead {
 public:
  // Fetches the ciphers. An error if libcrypto does not have them all.
  static Result<Aead> Make(LibraryHandle library);

  // The functions below throw std::runtime_error if libcrypto has no memory; nothing else makes them fail.

  // The key of what is sealed, or opened, until Forget(). Precondition: KeyBytes(suite) bytes. Copies it.
  void SetSealingKey(Suite suite, std::span<const std::byte> key);
  void SetOpeningKey(Suite suite, std::span<const std::byte> key);

  // Seals one record: Begin, any number of Adds, Finish. Precondition of Begin: a sealing key is set, and
  // `nonce` was never used with it.
  void BeginSealing(const Nonce& nonce, std::span<const std::byte> additional);
  // Writes as many bytes to `out` as `plain` has, at most 2^30. They may be the same memory, but not overlap
  // otherwise.
  void Add(std::span<const std::byte> plain, std::byte* out);
  void FinishSealing(std::span<std::byte, kTagBytes> tag);

  // Opens `sealed`, ciphertext and tag, in place; the plaintext is kTagBytes shorter. False if the tag does
  // not fit: then the bytes are wiped, for libcrypto has decrypted them by then. Preconditions: an opening
  // key is set, and `sealed` has a tag at least.
  [[nodiscard]] bool Open(const Nonce& nonce, std::span<const std::byte> additional,
                          std::span<std::byte> sealed);

  // Wipes both keys, and what libcrypto derived from them. It takes 50 ns; nothing if no key is set.
  void Forget();

 private:
  Aead() = default;

  void SetKey(evp_cipher_ctx_st* context, Suite suite, std::span<const std::byte> key, bool sealing);

  LibraryHandle library_;
  std::array<CipherHandle, kSuites> ciphers_;
  CipherContextHandle sealing_;
  CipherContextHandle opening_;
  bool may_seal_ = false;
  bool may_open_ = false;
};

// Calls Forget() at the end of a scope, also when it is left by an exception.
class Forgetting {
 public:
  explicit Forgetting(Aead& aead) : aead_(aead) {}
  Forgetting(const Forgetting&) = delete;
  Forgetting& operator=(const Forgetting&) = delete;
  ~Forgetting() { aead_.Forget(); }

 private:
  Aead& aead_;
};

LibraryVersion CryptoLibrary();

}  // namespace preforkd::tls

#endif
