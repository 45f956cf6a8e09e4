// Owners of GnuTLS's objects, and its results as ours. For the files of this folder only.
#ifndef PREFORKD_WORKER_GATE_GNUTLS_HANDLES_H_
#define PREFORKD_WORKER_GATE_GNUTLS_HANDLES_H_

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include <memory>
#include <span>
#include <type_traits>

#include "common/base/result.h"

namespace preforkd {

struct FreeGnutls {
  void operator()(gnutls_session_int* session) const { gnutls_deinit(session); }
  void operator()(gnutls_x509_crt_int* certificate) const { gnutls_x509_crt_deinit(certificate); }
  void operator()(gnutls_x509_privkey_int* key) const { gnutls_x509_privkey_deinit(key); }
  void operator()(gnutls_certificate_credentials_st* credentials) const {
    gnutls_certificate_free_credentials(credentials);
  }
  void operator()(gnutls_priority_st* priority) const { gnutls_priority_deinit(priority); }
};

template <typename Handle>
using GnutlsOwner = std::unique_ptr<std::remove_pointer_t<Handle>, FreeGnutls>;

using SessionHandle = GnutlsOwner<gnutls_session_t>;
using CertificateHandle = GnutlsOwner<gnutls_x509_crt_t>;
using KeyHandle = GnutlsOwner<gnutls_x509_privkey_t>;
using PriorityHandle = GnutlsOwner<gnutls_priority_t>;
// Shared by the sessions that use them.
using CredentialsHandle = std::shared_ptr<gnutls_certificate_credentials_st>;

// `bytes` stays the owner.
template <typename Bytes>
gnutls_datum_t DatumOf(const Bytes& bytes) {
  return {reinterpret_cast<unsigned char*>(const_cast<char*>(bytes.data())),
          static_cast<unsigned>(bytes.size())};
}

inline Error GnutlsError(const char* what, int code) {
  return Error{std::string(what) + ": " + gnutls_strerror(code)};
}

}  // namespace preforkd

#endif
