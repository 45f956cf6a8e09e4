// CertificateStore: the certificates of a gate, by server name. Only in gates: it holds the private keys.
//
// Several certificates with the same name, such as one with an EC key and one with an RSA key, are offered
// together, and GnuTLS takes the first that the client can verify.
#ifndef PREFORKD_WORKER_GATE_CERTIFICATE_STORE_H_
#define PREFORKD_WORKER_GATE_CERTIFICATE_STORE_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/config/tls_config.h"
#include "common/gate/key_files.h"
#include "worker/gate/certificate.h"
#include "worker/gate/gnutls_handles.h"

namespace preforkd {

class CertificateStore {
 public:
  // Error: the file and what is wrong with it. `material` is wiped when it has been read.
  static Result<CertificateStore> Make(const TlsConfig& config, KeyMaterial material);

  // For the name that a client sent, in any case: exact, else by a wildcard of one label, else the default.
  [[nodiscard]] const CredentialsHandle& Find(std::string_view server_name) const;
  [[nodiscard]] const CredentialsHandle& Default() const { return default_; }
  // In the order of the configuration.
  [[nodiscard]] const std::vector<CertificateFacts>& Facts() const { return facts_; }

 private:
  using Numbers = std::vector<std::size_t>;  // of certificates, in the order of the configuration

  std::map<std::string, CredentialsHandle, std::less<>> by_name_;
  CredentialsHandle default_;
  std::vector<CertificateFacts> facts_;
};

}  // namespace preforkd

#endif
