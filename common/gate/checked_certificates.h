// CheckedCertificates: the files that were checked, open, and what is in them. A generation keeps both, so
// its gates serve what was checked, even if the files have been replaced since.
#ifndef PREFORKD_COMMON_GATE_CHECKED_CERTIFICATES_H_
#define PREFORKD_COMMON_GATE_CHECKED_CERTIFICATES_H_

#include <memory>

#include "common/gate/certificate_facts.h"
#include "common/gate/key_files.h"

namespace preforkd {

struct CheckedCertificates {
  std::shared_ptr<const KeyFiles> files;             // nullptr: there are no gates
  std::shared_ptr<const AllCertificateFacts> facts;  // the same
};

}  // namespace preforkd

#endif
