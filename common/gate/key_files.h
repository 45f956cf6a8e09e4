// KeyFiles: the open files of the certificates of one generation. The master opens them, where a gate's user
// may not, and never reads them: it must not have a private key in its memory, and so no worker has one. A
// gate reads them after the fork; so does the child that checks them.
//
// A generation keeps its files open, so a gate that is started again serves the certificates that were
// checked, even if the files have been replaced since.
#ifndef PREFORKD_COMMON_GATE_KEY_FILES_H_
#define PREFORKD_COMMON_GATE_KEY_FILES_H_

#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/secret_bytes.h"
#include "common/base/unique_fd.h"
#include "common/config/tls_config.h"
#include "common/gate/certificate_answer.h"

namespace preforkd {

// The contents of the files. Only in gates and in the child that checks.
struct KeyMaterial {
  struct Certificate {
    SecretBytes chain;
    SecretBytes key;
    SecretBytes ocsp;  // empty: none
  };
  std::vector<Certificate> certificates;  // in the order of the configuration
  SecretBytes client_ca;                  // empty: none
};

class KeyFiles {
 public:
  // A file that cannot be opened is reported by Read.
  explicit KeyFiles(const TlsConfig& config);

  // Reads all files. Error: which file, and why. Thread of the caller; blocks as long as the disk does.
  [[nodiscard]] Result<KeyMaterial> Read() const;
  // The same, but goes on behind a file that cannot be read, which is left empty, and adds why to `problems`.
  [[nodiscard]] KeyMaterial ReadAll(std::vector<CertificateProblem>& problems) const;
  // Descriptors in use.
  [[nodiscard]] std::size_t Count() const;

 private:
  struct File {
    std::string path;  // empty: there is none
    UniqueFd fd;
    int errnum = 0;  // why it could not be opened

    [[nodiscard]] Result<SecretBytes> Read() const;
  };
  struct Certificate {
    File chain;
    File key;
    File ocsp;
  };
  static File OpenFile(const std::string& path);

  std::vector<Certificate> certificates_;
  File client_ca_;
};

}  // namespace preforkd

#endif
