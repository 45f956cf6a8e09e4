// Owners of libcrypto's objects, without its headers: who includes a header of the record layer compiles none
// of them. For the files of this folder only.
#ifndef PREFORKD_WORKER_CONNECTION_TLS_OPENSSL_HANDLES_H_
#define PREFORKD_WORKER_CONNECTION_TLS_OPENSSL_HANDLES_H_

#include <memory>

// libcrypto's own names.
struct ossl_lib_ctx_st;
struct evp_cipher_st;
struct evp_cipher_ctx_st;
struct evp_kdf_st;

namespace preforkd::tls {

struct FreeOpenssl {
  void operator()(evp_cipher_st* cipher) const;
  void operator()(evp_cipher_ctx_st* context) const;
  void operator()(evp_kdf_st* kdf) const;
};

// Shared by all that was fetched from it, and must outlive it: declare it before them.
using LibraryHandle = std::shared_ptr<ossl_lib_ctx_st>;
using CipherHandle = std::unique_ptr<evp_cipher_st, FreeOpenssl>;
using CipherContextHandle = std::unique_ptr<evp_cipher_ctx_st, FreeOpenssl>;
using KdfHandle = std::unique_ptr<evp_kdf_st, FreeOpenssl>;

}  // namespace preforkd::tls

#endif
