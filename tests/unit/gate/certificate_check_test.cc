// What the master makes of the end of a process that has looked at certificates.
#include "master/tls/certificate_check.h"

#include <doctest/doctest.h>

#include <string>

namespace preforkd::testing {
namespace {

std::string WhyOf(const TrialEnd& end) {
  const Result<CertificateAnswer> answer = JudgeCertificates(end, std::chrono::milliseconds(1500));
  REQUIRE_FALSE(answer.Ok());
  return answer.Err().text;
}

TrialEnd Ended(ExitKind kind, int code) {
  TrialEnd end;
  end.exit.kind = kind;
  end.exit.code = code;
  return end;
}

ConfigOutcome Places() {
  ConfigOutcome read;
  read.certificate_places = {{"f:1:1", "f:2:1", "f:3:1"}, {"f:5:1", "f:6:1", "f:7:1"}};
  read.client_ca_place = "f:9:1";
  return read;
}

}  // namespace

TEST_CASE("a process that says nothing useful: the reason names what happened") {
  TrialEnd late;
  late.late = true;
  CHECK(WhyOf(late) == "the process that reads the certificates did not end within 1.5 s");
  TrialEnd flooded;
  flooded.flooded = true;
  CHECK(WhyOf(flooded) == "the process that reads the certificates wrote more than 8192 KiB");
  CHECK(WhyOf(Ended(ExitKind::kSignal, 11)).find("ended with signal 11") != std::string::npos);
  CHECK(WhyOf(Ended(ExitKind::kFailure, 3)).find("ended with exit status 3") != std::string::npos);
  TrialEnd cannot_start = Ended(ExitKind::kStartFailure, 0);
  cannot_start.startup = "there is no user 'x'";
  CHECK(WhyOf(cannot_start).find("cannot start as a gate would") != std::string::npos);
  CHECK(WhyOf(cannot_start).find("there is no user 'x'") != std::string::npos);
  TrialEnd damaged;
  damaged.said = "{";
  CHECK(WhyOf(damaged) == "what was said about the certificates is damaged");
}

TEST_CASE("its answer is taken") {
  TrialEnd end;
  end.said = EncodeCertificates({{CertificateFacts{}}, {}});
  const Result<CertificateAnswer> answer = JudgeCertificates(end, std::chrono::seconds(1));
  REQUIRE(answer.Ok());
  CHECK(answer.Value().facts.size() == 1);
}

TEST_CASE("each problem is at the key that names the file") {
  const CertificateAnswer answer = {{},
                                    {{0, CertificatePart::kChain, "a"},
                                     {1, CertificatePart::kKey, "b\n"},
                                     {1, CertificatePart::kOcsp, "c"},
                                     {0, CertificatePart::kClientCa, "d"},
                                     {99, CertificatePart::kChain, "e"}}};
  std::string text;
  for (const ConfigProblem& problem : ProblemsOf(answer, Places())) text += problem.Text() + ";";
  CHECK(text ==
        "f:1:1: tls.certificate.chain: a;f:6:1: tls.certificate.key: b\\x0a;f:7:1: tls.certificate.ocsp: c;"
        "f:9:1: tls.client_ca: d;f:5:1: tls.certificate.chain: e;");
}

TEST_CASE("a program without gates says so") {
  const auto config = std::make_shared<const Config>();
  const Result<TrialChild> child = StartCertificateCheck(config, nullptr, nullptr, LogFds{});
  REQUIRE_FALSE(child.Ok());
  CHECK(child.Err().text.find("this program has no gates") != std::string::npos);
}

}  // namespace preforkd::testing
