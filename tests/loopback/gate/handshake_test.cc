// Handshake against OpenSSL and GnuTLS: what is agreed on, what is refused and how the client learns it, and
// that our record layer goes on with the session.
#include "worker/gate/handshake.h"

#include <doctest/doctest.h>

#include <cstring>
#include <ctime>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/loopback/gate/handshake_bed.h"

namespace preforkd::testing {
namespace {

using tls::Suite;
using tls::Version;
using tls::testing::Converse;
using tls::testing::Kind;
using tls::testing::kKinds;
using tls::testing::Random;

ClientOptions OptionsOf(const Kind& kind) {
  ClientOptions options;
  options.server_name = "a.test";
  options.lowest = options.highest = kind.version == Version::kTls13 ? 13 : 12;
  options.suite = kind.suite;
  options.authority = TestAuthority().pem;
  options.protocols = {"http/1.1"};
  return options;
}

// A handshake that must fail: the gate's reason and the alert that the client has read.
struct Refusal {
  std::string why;
  std::string detail;
  std::string alert;
};
Refusal Refused(const GateSettings& settings, const ClientOptions& options,
                MakeClient make = MakeOpensslClient) {
  const auto client = make(options);
  Handshake gate(settings);
  const Outcome outcome = Shake(gate, *client);
  CHECK_FALSE(outcome.server_done);
  CAPTURE(outcome.error);
  return {outcome.why, outcome.detail, client->Alert()};
}

}  // namespace

TEST_CASE("both versions with all suites: facts, and the session goes on in our record layer") {
  const GateSettings settings = MakeSettings();
  Random random(31);
  for (const Library& library : kLibraries) {
    for (const Kind& kind : kKinds) {
      INFO(std::string(library.name), " ", tls::testing::NameOf(kind));
      Shaken shaken = ShakeHands(settings, OptionsOf(kind), library.make);
      const TlsFacts& facts = shaken.session.facts;
      CHECK(facts.version == kind.version);
      CHECK(facts.suite == kind.suite);
      CHECK(facts.server_name == "a.test");
      CHECK_FALSE(facts.resumed);
      CHECK(facts.client_subject.empty());
      CHECK(shaken.session.unread.empty());
      CHECK(shaken.client->Protocol() == "http/1.1");
      // As a gate sends it, and a worker gets it.
      Result<TlsLuggage> travelled = DecodeTls(EncodeTls(shaken.session));
      REQUIRE(travelled.Ok());
      const bool openssl = library.make == MakeOpensslClient;
      Converse({std::move(shaken.client), std::move(travelled.Value().state)}, random, openssl ? 12 : 3);
    }
  }
}

TEST_CASE("all groups, also one that the client has not guessed") {
  const GateSettings settings = MakeSettings();
  for (const int version : {12, 13}) {
    for (const char* groups : {"X25519", "P-256", "P-384", "P-521:X25519", "P-521:P-256", "P-521:P-384"}) {
      INFO(version, " ", std::string(groups));
      ClientOptions options;
      // In TLS 1.2 the curve of the certificate would have to be one of them (RFC 8422, 5.1).
      if (version == 12) options.signatures = "rsa_pss_rsae_sha256:RSA+SHA256";
      options.lowest = options.highest = version;
      options.server_name = "a.test";
      options.groups = groups;
      Shaken shaken = ShakeHands(settings, options);
      // The secrets are those behind the second hello.
      Random random(1);
      Converse({std::move(shaken.client), std::move(shaken.session.state)}, random, 2);
    }
  }
  for (const char* groups : {"X25519", "P-256", "P-384"}) {
    ClientOptions options;
    options.groups = groups;
    (void)ShakeHands(settings, options, MakeGnutlsClient);
  }
}

TEST_CASE("the order of suites: the client's in TLS 1.3; in 1.2 ours, unless the client has no AES") {
  const GateSettings settings = MakeSettings();
  const auto chosen = [&](int version, const char* suites) {
    ClientOptions options;
    options.lowest = options.highest = version;
    options.suites = suites;
    return ShakeHands(settings, options).session.facts.suite;
  };
  CHECK(chosen(13, "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256") == Suite::kAes256Gcm);
  CHECK(chosen(13, "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256") == Suite::kChaCha20Poly1305);
  const std::string aes128 = "ECDHE-ECDSA-AES128-GCM-SHA256";
  const std::string aes256 = "ECDHE-ECDSA-AES256-GCM-SHA384";
  const std::string chacha = "ECDHE-ECDSA-CHACHA20-POLY1305";
  CHECK(chosen(12, (aes256 + ":" + chacha + ":" + aes128).c_str()) == Suite::kAes128Gcm);
  CHECK(chosen(12, (aes256 + ":" + chacha).c_str()) == Suite::kAes256Gcm);
  CHECK(chosen(12, (chacha + ":" + aes128 + ":" + aes256).c_str()) == Suite::kChaCha20Poly1305);
}

TEST_CASE("a client with small buffers gets no longer records") {
  const GateSettings settings = MakeSettings();
  Random random(77);
  for (const Library& library : kLibraries) {
    for (const std::size_t size : {std::size_t{512}, std::size_t{1024}, std::size_t{4096}}) {
      for (const int version : {12, 13}) {
        INFO(std::string(library.name), " ", size, " ", version);
        ClientOptions options;
        options.lowest = options.highest = version;
        options.record_size = size;
        Shaken shaken = ShakeHands(settings, options, library.make);
        CHECK(shaken.session.state.max_fragment == size);
        // Both libraries refuse a record that is longer.
        const bool openssl = library.make == MakeOpensslClient;
        Converse({std::move(shaken.client), std::move(shaken.session.state)}, random, openssl ? 12 : 3);
      }
    }
  }
}

TEST_CASE("settings: versions, suites and curves that are not offered") {
  TlsConfig config;
  config.min_version = TlsVersion::k13;
  config.ciphers = 0b010;
  config.curves = 0b100;
  const GateSettings settings = MakeSettings(config);
  ClientOptions options;
  const Shaken shaken = ShakeHands(settings, options);
  CHECK(shaken.session.facts.version == Version::kTls13);
  CHECK(shaken.session.facts.suite == Suite::kAes256Gcm);
  options.highest = 12;
  for (const Library& library : kLibraries) {
    INFO(std::string(library.name));
    const Refusal refusal = Refused(settings, options, library.make);
    CHECK(refusal.why == "version");
    CHECK(refusal.alert == "protocol_version");
  }
  options.highest = 13;
  options.suite = Suite::kChaCha20Poly1305;
  Refusal refusal = Refused(settings, options);
  CHECK(refusal.why == "no_cipher");
  CHECK(refusal.alert == "handshake_failure");
  options.suite = Suite::kAes256Gcm;
  options.groups = "X25519";
  refusal = Refused(settings, options);
  CHECK(refusal.why == "no_curve");
  CHECK(refusal.alert == "handshake_failure");
}

TEST_CASE("TLS 1.2 works with each curve alone, whatever curve the certificate has") {
  for (const unsigned curves : {0b001U, 0b010U, 0b100U}) {
    for (const KeyKind kind :
         {KeyKind::kEc, KeyKind::kP384, KeyKind::kP521, KeyKind::kEd25519, KeyKind::kRsa}) {
      for (const int version : {12, 13}) {
        CAPTURE(curves);
        CAPTURE(static_cast<int>(kind));
        CAPTURE(version);
        const TestCertificate certificate =
            kind == KeyKind::kRsa ? RsaCertificate()
                                  : MakeCertificate({.common_name = "b.test", .key = kind}, &TestAuthority());
        TlsConfig config;
        config.curves = static_cast<std::uint8_t>(curves);
        const GateSettings settings = MakeSettings({FilesOf(certificate)}, config);
        ClientOptions options;
        options.lowest = options.highest = version;
        options.authority = TestAuthority().pem;
        const Shaken shaken = ShakeHands(settings, options);
        CHECK(shaken.client->ServerFingerprint() == FingerprintOf(certificate));
      }
    }
  }
}

TEST_CASE("what is refused, and the alert that says so") {
  const GateSettings settings = MakeSettings();
  ClientOptions options;
  options.lowest = 10;
  options.highest = 11;
  Refusal refusal = Refused(settings, options);
  CHECK(refusal.why == "version");
  CHECK(refusal.alert == "protocol_version");
  options = {};
  options.protocols = {"h2", "xmpp"};
  refusal = Refused(settings, options);
  CHECK(refusal.why == "alpn");
  CHECK(refusal.detail == "No common application protocol could be negotiated.");
  CHECK(refusal.alert == "no_application_protocol");
  options.protocols = {"h2", "http/1.1"};
  CHECK(ShakeHands(settings, options).client->Protocol() == "http/1.1");
  options.protocols = {};
  CHECK(ShakeHands(settings, options).client->Protocol().empty());
}

TEST_CASE("the client's alert is not answered") {
  const GateSettings settings = MakeSettings();
  ClientOptions options;
  options.authority = MakeCertificate({.common_name = "another", .authority = true}).pem;
  for (const int version : {12, 13}) {
    options.lowest = options.highest = version;
    const auto client = MakeOpensslClient(options);
    Handshake gate(settings);
    const Outcome outcome = Shake(gate, *client);
    INFO(version, " ", outcome.why);
    CHECK_FALSE(outcome.server_done);
    CHECK(outcome.why == "alert");  // in TLS 1.3 in plain text
    CHECK(outcome.detail == "CA is unknown");
    CHECK(gate.Output().empty());
  }
}

TEST_CASE("an alert may have any number") {
  const GateSettings settings = MakeSettings();
  for (const auto& [number, name] :
       std::vector<std::pair<char, std::string>>{{'\x30', "CA is unknown"},
                                                 {'\x79', "an alert of an unknown number"},
                                                 {'\xf7', "an alert of an unknown number"}}) {
    Handshake gate(settings);
    const std::string record = std::string("\x15\x03\x03\x00\x02\x02", 6) + number;
    CHECK(gate.Feed(record.substr(0, 4)) == Handshake::Step::kMore);
    CHECK(gate.Feed(record.substr(4)) == Handshake::Step::kFailed);
    CHECK(std::string(gate.Why()) == "alert");
    CHECK(std::string(gate.Detail()) == name);
  }
}

TEST_CASE("two kinds of key: the client gets the one that it can verify") {
  const GateSettings settings = MakeSettings();
  ClientOptions options;
  options.server_name = "a.test";
  for (const int version : {12, 13}) {
    INFO(version);
    options.lowest = options.highest = version;
    options.signatures = "rsa_pss_rsae_sha256:RSA+SHA256";
    CHECK(ShakeHands(settings, options).client->ServerFingerprint() == FingerprintOf(RsaCertificate()));
    options.signatures = "ECDSA+SHA256";
    CHECK(ShakeHands(settings, options).client->ServerFingerprint() == FingerprintOf(EcCertificate()));
  }
}

TEST_CASE("a staple from the file reaches the client that asks") {
  const TestCertificate& certificate = EcCertificate();
  const std::string staple = MakeStaple(certificate, TestAuthority());
  const GateSettings settings =
      MakeSettings({{certificate.pem + TestAuthority().pem, certificate.key, staple}});
  for (const Library& library : kLibraries) {
    for (const int version : {12, 13}) {
      INFO(std::string(library.name), " ", version);
      ClientOptions options;
      options.lowest = options.highest = version;
      options.staple = true;
      CHECK((ShakeHands(settings, options, library.make).client->Staple() == staple));
    }
  }
  ClientOptions options;
  CHECK(ShakeHands(settings, options).client->Staple().empty());
}

TEST_CASE(
    "a staple that has ended, or says that the certificate was revoked, is not sent, and the gate serves") {
  const TestCertificate certificate = MakeCertificate({.common_name = "a.test"}, &TestAuthority());
  ClientOptions options;
  options.staple = true;
  const std::string ended = MakeStaple(certificate, TestAuthority(), std::chrono::seconds(-60));
  const std::string revoked = MakeStaple(certificate, TestAuthority(), std::chrono::hours(1), true);
  for (const std::string& staple : {ended, revoked}) {
    const GateSettings settings = MakeSettings({{certificate.pem, certificate.key, staple}});
    CHECK(settings.store.Facts().at(0).staple == "ocsp1.der");
    CHECK(settings.store.Facts().at(0).staple_ends < std::time(nullptr));
    CHECK((settings.store.Facts().at(0).staple_ends == 0) == (staple == revoked));
    CHECK(ShakeHands(settings, options).client->Staple().empty());
  }
}

// RFC 5288, 3: an explicit nonce that comes twice under one key gives the plaintext away.
TEST_CASE("TLS 1.2: no explicit nonce comes twice, the gate's own included") {
  const GateSettings settings = MakeSettings();
  ClientOptions options;
  options.lowest = options.highest = 12;
  options.suite = Suite::kAes128Gcm;
  auto client = MakeOpensslClient(options);
  Handshake gate(settings);
  std::string said;
  const FeedGate feed = [&said](Handshake& handshake, std::string_view bytes) {
    const Handshake::Step step = handshake.Feed(bytes);
    said += handshake.Output();
    return step;
  };
  REQUIRE(Shake(gate, *client, feed).server_done);
  Result<TlsLuggage> session = gate.Take();
  REQUIRE(session.Ok());
  for (int i = 0; i < 300; ++i) said += TextOf(tls::testing::Seal(session.Value().state, "x"));
  std::set<std::string> nonces;
  bool sealed = false;
  std::size_t records = 0;
  for (std::string_view rest = said; !rest.empty();) {
    const tls::RecordHeader header = tls::ParseHeader(std::as_bytes(std::span(rest)));
    if (sealed) {
      ++records;
      nonces.emplace(rest.substr(tls::kHeaderBytes, tls::kExplicitNonceBytes));
    }
    sealed = sealed || header.type == tls::ContentType::kChangeCipherSpec;
    rest.remove_prefix(tls::kHeaderBytes + header.length);
  }
  CHECK(records == 301);  // Finished, and ours
  CHECK(nonces.size() == records);
}

}  // namespace preforkd::testing
