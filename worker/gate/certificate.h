// Certificate: one chain with its key, read from the contents of files. Only in gates, and in the child that
// checks a configuration.
#ifndef PREFORKD_WORKER_GATE_CERTIFICATE_H_
#define PREFORKD_WORKER_GATE_CERTIFICATE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/secret_bytes.h"
#include "common/config/tls_config.h"
#include "common/gate/certificate_answer.h"
#include "common/gate/certificate_facts.h"
#include "common/gate/key_files.h"
#include "worker/gate/gnutls_handles.h"

namespace preforkd {

class Certificate {
 public:
  // Reads chain, key and OCSP response, and checks that they fit each other. Error: the file, the position in
  // the chain from 1, and what is wrong. One that has expired is no error, nor
  // is a response that has. `part`, if not null: which file.
  static Result<Certificate> Read(const CertificateConfig& files, KeyMaterial::Certificate contents,
                                  CertificatePart* part = nullptr);

  // DNS names for which it may be used, lower case, "*.example.org" included: those of its subject
  // alternative names; without any, its common name (RFC 9525, 2).
  [[nodiscard]] const std::vector<std::string>& Names() const { return facts_.names; }
  [[nodiscard]] const CertificateFacts& Facts() const { return facts_; }
  // Adds it to `credentials`; without its OCSP response if that has ended. Error: GnuTLS refuses it.
  Status AddTo(gnutls_certificate_credentials_t credentials) const;

 private:
  Status ReadChain(const CertificateConfig& files, const SecretBytes& pem);
  Status CheckOrder(const CertificateConfig& files) const;
  Status ReadKey(const CertificateConfig& files, const SecretBytes& pem);
  Status ReadStaple(const CertificateConfig& files);
  void ReadFacts(const CertificateConfig& files);

  std::vector<CertificateHandle> chain_;  // the server's own first
  KeyHandle key_;
  SecretBytes ocsp_;
  CertificateFacts facts_;
};

}  // namespace preforkd

#endif
