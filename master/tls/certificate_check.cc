#include "master/tls/certificate_check.h"

#include <fmt/core.h>

#include <algorithm>
#include <string>

#include "common/text/quote.h"

namespace preforkd {
namespace {

// Of what it writes: 256 certificates with some hundred names each.
constexpr std::size_t kMaxOutput = std::size_t{8} << 20;

struct Place {
  const char* key;
  const std::string& where;
};

Place PlaceOf(const CertificateProblem& problem, const ConfigOutcome& read) {
  // The child is not trusted: its number may be any.
  const std::size_t number = std::min(problem.certificate, read.certificate_places.size() - 1);
  const CertificatePlaces& places = read.certificate_places[number];
  switch (problem.part) {
    case CertificatePart::kChain: return {"tls.certificate.chain", places.chain};
    case CertificatePart::kKey: return {"tls.certificate.key", places.key};
    case CertificatePart::kOcsp: return {"tls.certificate.ocsp", places.ocsp};
    case CertificatePart::kClientCa: break;
  }
  return {"tls.client_ca", read.client_ca_place};
}

}  // namespace

Duration TimeToCheck(const Config& config, Duration longest) {
  return std::min(longest, config.Gates()->supervision.start_timeout);
}

Result<TrialChild> StartCertificateCheck(const std::shared_ptr<const Config>& config,
                                         const std::shared_ptr<const KeyFiles>& files,
                                         const WorkerEntry& describe, const LogFds& logs) {
  if (describe == nullptr) return Error{"this program has no gates (Program::describe_certificates)"};
  return TrialChild::Start(describe, {config, config->Gates(), files}, kMaxOutput, logs);
}

Result<CertificateAnswer> JudgeCertificates(const TrialEnd& end, Duration limit) {
  const auto wrong = [](std::string_view what) {
    return Error{fmt::format("the process that reads the certificates {}", what)};
  };
  if (end.flooded) return wrong(fmt::format("wrote more than {} KiB", kMaxOutput / 1024));
  if (end.late) return wrong(fmt::format("did not end within {:g} s", Seconds(limit)));
  if (end.exit.kind == ExitKind::kStartFailure)
    return wrong("cannot start as a gate would: " + WhyNotReady(end.exit, end.startup));
  if (end.exit.kind != ExitKind::kClean) return wrong("ended with " + end.exit.Text());
  return DecodeCertificates(end.said);
}

std::vector<ConfigProblem> ProblemsOf(const CertificateAnswer& answer, const ConfigOutcome& read) {
  std::vector<ConfigProblem> problems;
  for (const CertificateProblem& problem : answer.problems) {
    const Place place = PlaceOf(problem, read);
    problems.push_back({place.where, fmt::format("{}: {}", place.key, Escaped(problem.text))});
  }
  return problems;
}

}  // namespace preforkd
