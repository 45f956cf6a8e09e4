// Certificates of clients: what a worker learns of them, and what a client is told that is refused.
#include <doctest/doctest.h>
#include <gnutls/x509.h>

#include "tests/loopback/gate/handshake_bed.h"

namespace preforkd::testing {
namespace {

struct Clients {
  TestCertificate authority = MakeCertificate({.common_name = "clients", .authority = true});
  TestCertificate good = MakeCertificate({.common_name = "alice"}, &authority);
  TestCertificate purpose =
      MakeCertificate({.common_name = "carol", .purpose = GNUTLS_KP_TLS_WWW_CLIENT}, &authority);
  TestCertificate server =
      MakeCertificate({.common_name = "server", .purpose = GNUTLS_KP_TLS_WWW_SERVER}, &authority);
  TestCertificate expired =
      MakeCertificate({.common_name = "bob", .ends = std::chrono::seconds(-60)}, &authority);
  TestCertificate untrusted = MakeCertificate({.common_name = "mallory"});
};

GateSettings SettingsOf(ClientCertificates wanted, const Clients& clients) {
  TlsConfig config;
  config.client_certificates = wanted;
  return MakeSettings(config, std::nullopt, clients.authority.pem);
}

ClientOptions With(const TestCertificate* certificate, int version) {
  ClientOptions options;
  options.lowest = options.highest = version;
  if (certificate != nullptr) {
    options.chain = certificate->pem;
    options.key = certificate->key;
  }
  return options;
}

// The alert; empty: it was let in.
std::string AlertFor(const GateSettings& settings, const ClientOptions& options) {
  const auto client = MakeOpensslClient(options);
  Handshake gate(settings);
  const Outcome outcome = Shake(gate, *client);
  if (outcome.server_done) return "";
  CHECK(outcome.why == "client_certificate");
  CHECK_FALSE(gate.Output().size() > 100);
  return client->Alert();
}

}  // namespace

TEST_CASE("a good certificate: subject and fingerprint") {
  const Clients clients;
  for (const ClientCertificates wanted : {ClientCertificates::kOptional, ClientCertificates::kRequired}) {
    const GateSettings settings = SettingsOf(wanted, clients);
    for (const Library& library : kLibraries) {
      for (const int version : {12, 13}) {
        INFO(std::string(library.name), " ", version);
        Shaken shaken = ShakeHands(settings, With(&clients.good, version), library.make);
        CHECK(shaken.session.facts.client_subject == "CN=alice");
        CHECK((shaken.session.facts.client_fingerprint == FingerprintOf(clients.good)));
        tls::testing::Random random(7);
        tls::testing::Converse({std::move(shaken.client), std::move(shaken.session.state)}, random, 2);
      }
    }
    CHECK(AlertFor(settings, With(&clients.purpose, 13)).empty());
  }
}

TEST_CASE("off: nobody is asked") {
  const Clients clients;
  const Shaken shaken = ShakeHands(SettingsOf(ClientCertificates::kOff, clients), With(&clients.good, 13));
  CHECK(shaken.session.facts.client_subject.empty());
  CHECK(shaken.session.facts.client_fingerprint.empty());
}

TEST_CASE("none: let in if it is optional, else told so") {
  const Clients clients;
  const GateSettings optional = SettingsOf(ClientCertificates::kOptional, clients);
  const GateSettings required = SettingsOf(ClientCertificates::kRequired, clients);
  for (const int version : {12, 13}) {
    CHECK(ShakeHands(optional, With(nullptr, version)).session.facts.client_subject.empty());
    CHECK(AlertFor(required, With(nullptr, version)) ==
          (version == 13 ? "certificate_required" : "handshake_failure"));
  }
}

TEST_CASE("untrusted, expired, or for another purpose: refused, optional or not") {
  const Clients clients;
  for (const ClientCertificates wanted : {ClientCertificates::kOptional, ClientCertificates::kRequired}) {
    const GateSettings settings = SettingsOf(wanted, clients);
    for (const int version : {12, 13}) {
      INFO(version);
      CHECK(AlertFor(settings, With(&clients.untrusted, version)) == "unknown_CA");
      CHECK(AlertFor(settings, With(&clients.expired, version)) == "certificate_expired");
      CHECK(AlertFor(settings, With(&clients.server, version)) == "unsupported_certificate");
    }
  }
}

TEST_CASE("a subject that is longer than what travels is cut") {
  const Clients clients;
  const std::string name(64, 'x');  // the longest common name
  const TestCertificate certificate = MakeCertificate({.common_name = name}, &clients.authority);
  const Shaken shaken =
      ShakeHands(SettingsOf(ClientCertificates::kRequired, clients), With(&certificate, 13));
  CHECK(shaken.session.facts.client_subject == "CN=" + name);
  CHECK(shaken.session.facts.client_subject.size() <= kMaxClientSubject);
}

}  // namespace preforkd::testing
