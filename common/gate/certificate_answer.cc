#include "common/gate/certificate_answer.h"

#include <nlohmann/json.hpp>
#include <stdexcept>

namespace preforkd {
namespace {

using Json = nlohmann::json;

Json Encode(const CertificateFacts& facts) {
  return {{"chain", facts.chain},
          {"names", facts.names},
          {"subject", facts.subject},
          {"issuer", facts.issuer},
          {"key", facts.key},
          {"fingerprint", facts.fingerprint},
          {"not_before", facts.not_before},
          {"not_after", facts.not_after},
          {"starts_last", facts.starts_last},
          {"ends_first", facts.ends_first},
          {"staple", facts.staple},
          {"staple_ends", facts.staple_ends}};
}

// The functions below throw Json's exceptions for a value of another type.

CertificateFacts DecodeFacts(const Json& object) {
  CertificateFacts facts;
  object.at("chain").get_to(facts.chain);
  object.at("names").get_to(facts.names);
  object.at("subject").get_to(facts.subject);
  object.at("issuer").get_to(facts.issuer);
  object.at("key").get_to(facts.key);
  object.at("fingerprint").get_to(facts.fingerprint);
  object.at("not_before").get_to(facts.not_before);
  object.at("not_after").get_to(facts.not_after);
  object.at("starts_last").get_to(facts.starts_last);
  object.at("ends_first").get_to(facts.ends_first);
  object.at("staple").get_to(facts.staple);
  object.at("staple_ends").get_to(facts.staple_ends);
  return facts;
}

CertificateProblem DecodeProblem(const Json& object) {
  CertificateProblem problem;
  const auto part = object.at("part").get<std::uint64_t>();
  if (part > static_cast<std::uint64_t>(CertificatePart::kClientCa)) throw std::runtime_error("unknown part");
  problem.part = static_cast<CertificatePart>(part);
  object.at("certificate").get_to(problem.certificate);
  object.at("text").get_to(problem.text);
  return problem;
}

}  // namespace

std::string EncodeCertificates(const CertificateAnswer& answer) {
  Json object = {{"certificates", Json::array()}, {"problems", Json::array()}};
  for (const CertificateFacts& facts : answer.facts) object["certificates"].push_back(Encode(facts));
  for (const CertificateProblem& problem : answer.problems) {
    object["problems"].push_back({{"certificate", problem.certificate},
                                  {"part", static_cast<unsigned>(problem.part)},
                                  {"text", problem.text}});
  }
  // Names in a certificate may be any bytes: invalid UTF-8 becomes U+FFFD.
  return object.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<CertificateAnswer> DecodeCertificates(std::string_view bytes) {
  try {
    const Json object = Json::parse(bytes);
    CertificateAnswer answer;
    for (const Json& facts : object.at("certificates")) answer.facts.push_back(DecodeFacts(facts));
    for (const Json& problem : object.at("problems")) answer.problems.push_back(DecodeProblem(problem));
    return answer;
  } catch (const std::exception&) {
    return Error{"what was said about the certificates is damaged"};
  }
}

}  // namespace preforkd
