// Certificate and CertificateStore: what is wrong with a file, and which certificate a name gets.
#include "worker/gate/certificate_store.h"

#include <doctest/doctest.h>

#include <ctime>

#include "tests/loopback/gate/handshake_bed.h"

namespace preforkd::testing {
namespace {

std::string ErrorOf(const std::vector<GateFiles>& files, const TlsConfig& config = {},
                    const std::string& client_ca = {}) {
  const Result<CertificateStore> store = MakeStore(files, config, client_ca);
  return store.Ok() ? "" : store.Err().text;
}

TestCertificate For(std::vector<std::string> names, KeyKind key = KeyKind::kEc) {
  return MakeCertificate({.common_name = names.at(0), .names = names, .key = key}, &TestAuthority());
}

// The certificate that a client gets for a name.
std::string Given(const GateSettings& settings, const std::string& name) {
  ClientOptions options;
  options.server_name = name;
  return ShakeHands(settings, options).client->ServerFingerprint();
}

}  // namespace

TEST_CASE("a chain that cannot be used: the file, and the position in it") {
  const TestCertificate& own = EcCertificate();
  const std::string& authority = TestAuthority().pem;
  CHECK(ErrorOf({{own.pem, own.key}}).empty());
  CHECK(ErrorOf({{own.pem + authority, own.key}}).empty());
  CHECK(ErrorOf({{"", own.key}}) == "chain1.pem: no certificate in PEM is in it");
  CHECK(ErrorOf({{"hello", own.key}}) == "chain1.pem: no certificate in PEM is in it");
  CHECK(ErrorOf({{own.key, own.key}}) == "chain1.pem: no certificate in PEM is in it");
  CHECK(ErrorOf({FilesOf(own), {"", own.key}}) == "chain2.pem: no certificate in PEM is in it");
  std::string spoilt = authority;
  spoilt[spoilt.size() / 2] = '!';
  CHECK(ErrorOf({{own.pem + spoilt, own.key}}).starts_with("chain1.pem: certificate 2 cannot be read: "));
  CHECK(ErrorOf({{own.pem + authority + spoilt, own.key}})
            .starts_with("chain1.pem: certificate 3 cannot be read: "));
  CHECK(ErrorOf({{authority + own.pem, TestAuthority().key}})
            .starts_with("chain1.pem: certificate 2 is not the issuer of certificate 1"));
  const TestCertificate other = MakeCertificate({.common_name = "other", .authority = true});
  CHECK(ErrorOf({{own.pem + authority + other.pem, own.key}})
            .starts_with("chain1.pem: certificate 3 is not the issuer of certificate 2"));
  std::string many;
  for (int i = 0; i < 17; ++i) many += own.pem;
  CHECK(ErrorOf({{many, own.key}}) == "chain1.pem: more than 16 certificates");
  CHECK(ErrorOf({}) == "there is no [[tls.certificate]]");
}

TEST_CASE("keys: those of both PEM forms, and what is refused") {
  const TestCertificate& ec = EcCertificate();
  const TestCertificate& rsa = RsaCertificate();
  CHECK(ErrorOf({{ec.pem, TraditionalKey(ec)}}).empty());
  CHECK(ErrorOf({{rsa.pem, TraditionalKey(rsa)}}).empty());
  // As `openssl ecparam -genkey` writes it, and as one file of all.
  const std::string parameters =
      "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
  CHECK(ErrorOf({{ec.pem, parameters + TraditionalKey(ec)}}).empty());
  CHECK(ErrorOf({{ec.key + ec.pem, ec.key + ec.pem}}).empty());
  CHECK(ErrorOf({{ec.pem, ""}}).starts_with("key1.pem: no private key in PEM is in it"));
  CHECK(ErrorOf({{ec.pem, ec.pem}}).starts_with("key1.pem: no private key in PEM is in it"));
  CHECK(ErrorOf({{ec.pem, EncryptedKey(ec)}}) ==
        "key1.pem: the key is encrypted; write one without a passphrase");
  CHECK(ErrorOf({{ec.pem, rsa.key}}) == "key1.pem: is not the key of certificate 1 of chain1.pem");
  CHECK(ErrorOf({{ec.pem, For({"a.test"}).key}}) ==
        "key1.pem: is not the key of certificate 1 of chain1.pem");
  for (const KeyKind kind : {KeyKind::kDsa, KeyKind::kEd448}) {
    const TestCertificate odd = For({"a.test"}, kind);
    const std::string error = ErrorOf({FilesOf(odd)});
    CAPTURE(error);
    CHECK(error.starts_with("chain1.pem: certificate 1 has a key of type "));
  }
}

TEST_CASE("an OCSP response must be one, and of the first certificate") {
  const TestCertificate& own = EcCertificate();
  const std::string staple = MakeStaple(own, TestAuthority());
  CHECK(ErrorOf({{own.pem, own.key, staple}}).empty());
  const std::string wrong = "ocsp1.der: is not an OCSP response in DER for certificate 1 of chain1.pem";
  CHECK(ErrorOf({{own.pem, own.key, "hello"}}).starts_with(wrong));
  CHECK(ErrorOf({{own.pem, own.key, staple.substr(0, staple.size() - 1)}}).starts_with(wrong));
  CHECK(ErrorOf({{own.pem, own.key, MakeStaple(RsaCertificate(), TestAuthority())}}).starts_with(wrong));
}

TEST_CASE("authorities of clients must be certificates, if clients are asked") {
  TlsConfig config;
  const std::vector<GateFiles> files{FilesOf(EcCertificate())};
  CHECK(ErrorOf(files, config, "hello").empty());
  for (const ClientCertificates wanted : {ClientCertificates::kOptional, ClientCertificates::kRequired}) {
    config.client_certificates = wanted;
    CHECK(ErrorOf(files, config, "") == "clients.pem: no certificate in PEM is in it");
    CHECK(ErrorOf(files, config, "hello") == "clients.pem: no certificate in PEM is in it");
    CHECK(ErrorOf(files, config, TestAuthority().pem).empty());
  }
}

TEST_CASE("facts: names in lower case, and which certificate of the chain ends first") {
  const TestCertificate authority =
      MakeCertificate({.common_name = "short", .authority = true, .ends = std::chrono::hours(2)});
  const TestCertificate own = MakeCertificate(
      {.common_name = "ignored.test", .names = {"A.Test", "*.a.test"}, .ends = std::chrono::hours(3)},
      &authority);
  Result<CertificateStore> store = MakeStore({{own.pem + authority.pem, own.key}});
  REQUIRE(store.Ok());
  const CertificateFacts& facts = store.Value().Facts().at(0);
  CHECK((facts.names == std::vector<std::string>{"a.test", "*.a.test"}));
  CHECK(facts.chain == "chain1.pem");
  CHECK(facts.subject == "CN=ignored.test");
  CHECK(facts.issuer == "CN=short");
  CHECK(facts.key == "EC/ECDSA 256");
  CHECK(facts.fingerprint.size() == 64);
  CHECK(facts.ends_first == 2);
  CHECK(facts.not_after - std::time(nullptr) > 7000);
  CHECK(facts.not_after - std::time(nullptr) <= 7200);
  // Without names of its own: the common name.
  store = MakeStore({FilesOf(MakeCertificate({.common_name = "Only.Test"}, &TestAuthority()))});
  REQUIRE(store.Ok());
  CHECK((store.Value().Facts().at(0).names == std::vector<std::string>{"only.test"}));
  // One that has expired can be used.
  CHECK(
      ErrorOf({FilesOf(MakeCertificate({.common_name = "old", .ends = std::chrono::seconds(-60)}))}).empty());
}

TEST_CASE("a name gets its certificate: exact, by a wildcard of one label, else the first") {
  const TestCertificate first = For({"first.test"});
  const TestCertificate exact = For({"www.a.test", "B.TEST"});
  const TestCertificate wild = For({"*.a.test"});
  const GateSettings settings = MakeSettings({FilesOf(first), FilesOf(exact), FilesOf(wild)});
  const auto gets = [&settings](const std::string& name, const TestCertificate& certificate) {
    INFO(name);
    CHECK((Given(settings, name) == FingerprintOf(certificate)));
  };
  gets("", first);
  gets("first.test", first);
  gets("unknown.test", first);
  gets("localhost", first);
  gets("www.a.test", exact);
  gets("WWW.A.tEST", exact);
  gets("b.test", exact);
  gets("other.a.test", wild);
  gets("Other.A.Test", wild);
  gets("a.test", first);
  gets("x.y.a.test", first);
}

}  // namespace preforkd::testing
