// CertificateAnswer: what the child that checks certificates says to the master, and its bytes. No secret.
#ifndef PREFORKD_COMMON_GATE_CERTIFICATE_ANSWER_H_
#define PREFORKD_COMMON_GATE_CERTIFICATE_ANSWER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/gate/certificate_facts.h"

namespace preforkd {

// The key of the configuration that names the file.
enum class CertificatePart : std::uint8_t { kChain, kKey, kOcsp, kClientCa };

struct CertificateProblem {
  std::size_t certificate = 0;  // in the order of the configuration; not of kClientCa
  CertificatePart part = CertificatePart::kChain;
  std::string text;  // begins with the file

  bool operator==(const CertificateProblem&) const = default;
};

struct CertificateAnswer {
  // Of the certificates without a problem, in the order of the configuration.
  std::vector<CertificateFacts> facts;
  std::vector<CertificateProblem> problems;

  bool operator==(const CertificateAnswer&) const = default;
};

// JSON in UTF-8. Reading takes what it knows and leaves out the rest, so that programs of several versions
// understand each other. Error: not such an answer.
std::string EncodeCertificates(const CertificateAnswer& answer);
Result<CertificateAnswer> DecodeCertificates(std::string_view bytes);

}  // namespace preforkd

#endif
