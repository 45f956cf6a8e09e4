// What a process says about certificates arrives as it was said; anything else is refused.
#include "common/gate/certificate_answer.h"

#include <doctest/doctest.h>

#include <random>
#include <string>

namespace preforkd::testing {
namespace {

CertificateAnswer Sample() {
  CertificateAnswer answer;
  answer.facts.push_back({"/etc/a.pem",
                          {"a.example", "*.b.example"},
                          "CN=a.example",
                          "CN=ca",
                          "EC/ECDSA 256",
                          "00ff",
                          1700000000,
                          1800000000,
                          2,
                          3,
                          "/etc/a.ocsp",
                          1700000001});
  answer.facts.push_back({});
  answer.problems = {{4, CertificatePart::kKey, "/etc/k: is not the key"},
                     {0, CertificatePart::kClientCa, "/etc/ca: no certificate"}};
  return answer;
}

}  // namespace

TEST_CASE("what is encoded is decoded to the same") {
  for (const CertificateAnswer& answer : {Sample(), CertificateAnswer{}}) {
    const Result<CertificateAnswer> again = DecodeCertificates(EncodeCertificates(answer));
    REQUIRE(again.Ok());
    CHECK(again.Value() == answer);
  }
}

TEST_CASE("a name may be any bytes") {
  CertificateAnswer answer;
  answer.facts.emplace_back().names = {"\xff\n\"x"};
  const Result<CertificateAnswer> again = DecodeCertificates(EncodeCertificates(answer));
  REQUIRE(again.Ok());
  CHECK(again.Value().facts[0].names[0] == "\xEF\xBF\xBD\n\"x");
}

TEST_CASE("other bytes are refused") {
  const std::string good = EncodeCertificates(Sample());
  for (const std::string& bytes :
       {std::string(), std::string("{}"), std::string("[]"), std::string("7"),
        good.substr(0, good.size() - 1),
        std::string(R"({"certificates":[],"problems":[{"certificate":0,"part":4,"text":""}]})"),
        std::string(R"({"certificates":[{"chain":7}],"problems":[]})")}) {
    CAPTURE(bytes);
    CHECK_FALSE(DecodeCertificates(bytes).Ok());
  }
  std::mt19937 random(1);
  std::size_t refused = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string bytes = good;
    for (int n = 0; n < 3; ++n) bytes[random() % bytes.size()] = static_cast<char>(random());
    refused += DecodeCertificates(bytes).Ok() ? 0U : 1U;
  }
  CHECK(refused > 1000);
}

}  // namespace preforkd::testing
