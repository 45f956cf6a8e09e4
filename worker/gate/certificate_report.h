// ReportOnCertificates: what is in the files of a configuration, and all that is wrong with them. For the
// child that checks certificates before a gate meets them.
#ifndef PREFORKD_WORKER_GATE_CERTIFICATE_REPORT_H_
#define PREFORKD_WORKER_GATE_CERTIFICATE_REPORT_H_

#include <vector>

#include "common/about/about.h"
#include "common/config/tls_config.h"
#include "common/gate/certificate_answer.h"
#include "common/gate/key_files.h"

namespace preforkd {

// At most one problem for each certificate, and one for the authorities of clients. `unread`: the files that
// could not be read, with the rest of `material` (KeyFiles::ReadAll). Error: GnuTLS does not start.
Result<CertificateAnswer> ReportOnCertificates(const TlsConfig& config, KeyMaterial material,
                                               std::vector<CertificateProblem> unread);

// GnuTLS.
LibraryVersion HandshakeLibrary();

}  // namespace preforkd

#endif
