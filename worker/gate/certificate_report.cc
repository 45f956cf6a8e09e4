#include "worker/gate/certificate_report.h"

#include <fmt/core.h>
#include <gnutls/gnutls.h>

#include <algorithm>
#include <utility>

#include "worker/gate/certificate.h"

namespace preforkd {
namespace {

// Keeps the first problem of each certificate: what follows from it helps nobody.
std::vector<CertificateProblem> FirstOfEach(std::vector<CertificateProblem> problems) {
  const auto same = [](const CertificateProblem& a, const CertificateProblem& b) {
    const bool clients = a.part == CertificatePart::kClientCa || b.part == CertificatePart::kClientCa;
    return a.certificate == b.certificate && !clients;
  };
  problems.erase(std::unique(problems.begin(), problems.end(), same), problems.end());
  return problems;
}

bool HasProblem(const std::vector<CertificateProblem>& problems, std::size_t certificate) {
  return std::any_of(problems.begin(), problems.end(), [&](const CertificateProblem& problem) {
    return problem.part != CertificatePart::kClientCa && problem.certificate == certificate;
  });
}

// Like CertificateStore does for each set of certificates.
Status TryAuthorities(const TlsConfig& config, const SecretBytes& pem) {
  gnutls_certificate_credentials_t trial = nullptr;
  if (const int made = gnutls_certificate_allocate_credentials(&trial); made < 0)
    return GnutlsError("gnutls_certificate_allocate_credentials", made);
  const CredentialsHandle owner(trial, FreeGnutls());
  const gnutls_datum_t text = DatumOf(pem);
  if (gnutls_certificate_set_x509_trust_mem(trial, &text, GNUTLS_X509_FMT_PEM) > 0) return {};
  return Error{fmt::format("{}: no certificate in PEM is in it", config.client_ca)};
}

}  // namespace

Result<CertificateAnswer> ReportOnCertificates(const TlsConfig& config, KeyMaterial material,
                                               std::vector<CertificateProblem> unread) {
  if (const int result = gnutls_global_init(); result < 0) return GnutlsError("gnutls_global_init", result);
  CertificateAnswer answer;
  answer.problems = FirstOfEach(std::move(unread));
  const bool has_authorities = std::none_of(
      answer.problems.begin(), answer.problems.end(),
      [](const CertificateProblem& problem) { return problem.part == CertificatePart::kClientCa; });
  for (std::size_t i = 0; i < config.certificates.size(); ++i) {
    if (HasProblem(answer.problems, i)) continue;
    CertificatePart part{};
    const Result<Certificate> certificate =
        Certificate::Read(config.certificates[i], std::move(material.certificates[i]), &part);
    if (certificate.Ok()) {
      answer.facts.push_back(certificate.Value().Facts());
    } else {
      answer.problems.push_back({i, part, certificate.Err().text});
    }
  }
  if (config.client_certificates == ClientCertificates::kOff || !has_authorities) return answer;
  const Status authorities = TryAuthorities(config, material.client_ca);
  if (!authorities.Ok()) answer.problems.push_back({0, CertificatePart::kClientCa, authorities.Err().text});
  return answer;
}

LibraryVersion HandshakeLibrary() {
  const char* const loaded = ::gnutls_check_version(nullptr);
  return {"gnutls", LibraryVersion::Linked::kDynamic, GNUTLS_VERSION, loaded == nullptr ? "" : loaded};
}

}  // namespace preforkd
