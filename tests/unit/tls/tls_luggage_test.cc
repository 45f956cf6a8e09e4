// The luggage of a TLS session: what is packed comes back, and nothing else is taken.
#include "common/tls/tls_luggage.h"

#include <doctest/doctest.h>

#include <utility>

#include "tests/unit/tls/record_bed.h"

namespace preforkd::tls::testing {
namespace {

preforkd::SecretBytes RandomBytes(std::size_t size, Random& random) {
  preforkd::SecretBytes bytes(size);
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

std::string Text(std::size_t size, Random& random) {
  const preforkd::SecretBytes bytes = RandomBytes(size, random);
  return {bytes.begin(), bytes.end()};
}

TlsLuggage MakeLuggage(const Kind& kind, Random& random) {
  TlsLuggage luggage{std::move(MakeEnds(kind, random).server)};
  luggage.facts.version = kind.version;
  luggage.facts.suite = kind.suite;
  luggage.facts.resumed = Pick(random, 2) == 0;
  luggage.facts.server_name = Text(Pick(random, 2) == 0 ? kMaxServerName : Pick(random, 20), random);
  luggage.facts.client_subject = Text(Pick(random, 2) == 0 ? kMaxClientSubject : 0, random);
  luggage.facts.client_fingerprint = Text(Pick(random, 2) == 0 ? kFingerprintBytes : 0, random);
  luggage.unread = RandomBytes(Pick(random, 2) == 0 ? Pick(random, 17'000) : 0, random);
  luggage.unsent = RandomBytes(Pick(random, 2) == 0 ? Pick(random, 65'536) : 0, random);
  luggage.unsent_plain = luggage.unsent.empty() ? 0 : static_cast<std::uint32_t>(Pick(random, 65'536));
  return luggage;
}

void CheckSame(const TlsLuggage& one, const TlsLuggage& other) {
  CHECK((Packed(one.state) == Packed(other.state)));
  CHECK((one.facts == other.facts));
  CHECK((one.unread == other.unread));
  CHECK((one.unsent == other.unsent));
  CHECK(one.unsent_plain == other.unsent_plain);
}

}  // namespace

TEST_CASE("luggage of all kinds comes back as it was") {
  Random random(41);
  for (const Kind& kind : kKinds) {
    INFO(NameOf(kind));
    for (int i = 0; i < 50; ++i) {
      const TlsLuggage luggage = MakeLuggage(kind, random);
      const preforkd::SecretBytes bytes = EncodeTls(luggage);
      CHECK(bytes.size() == EncodedBytes(luggage));
      const Result<TlsLuggage> back = DecodeTls(bytes);
      REQUIRE(back.Ok());
      CheckSame(luggage, back.Value());
    }
  }
}

TEST_CASE("an idle session has at most 256 bytes of luggage, with a name of 33") {
  Random random(42);
  for (const Kind& kind : kKinds) {
    TlsLuggage luggage{std::move(MakeEnds(kind, random).server)};
    luggage.facts.server_name = std::string(33, 'x');
    CHECK(EncodedBytes(luggage) <= 256);
  }
}

TEST_CASE("every beginning of luggage, and luggage with a byte more, is refused") {
  Random random(43);
  for (const Kind& kind : kKinds) {
    TlsLuggage luggage{std::move(MakeEnds(kind, random).server)};
    luggage.facts.server_name = "a.test";
    luggage.facts.client_fingerprint = std::string(kFingerprintBytes, 'f');
    luggage.unread = RandomBytes(20, random);
    preforkd::SecretBytes bytes = EncodeTls(luggage);
    for (std::size_t size = 0; size < bytes.size(); ++size)
      REQUIRE_FALSE(DecodeTls(std::span(bytes).first(size)).Ok());
    bytes.push_back('\0');
    CHECK_FALSE(DecodeTls(bytes).Ok());
  }
}

TEST_CASE("mutated luggage is refused, or is the luggage of those bytes") {
  Random random(44);
  std::size_t taken = 0;
  for (int i = 0; i < 20'000; ++i) {
    TlsLuggage luggage{std::move(MakeEnds(kKinds.at(Pick(random, kKinds.size())), random).server)};
    luggage.facts.server_name = "a.test";
    luggage.unread = RandomBytes(5, random);
    preforkd::SecretBytes bytes = EncodeTls(luggage);
    for (std::size_t changes = 1 + Pick(random, 3); changes > 0; --changes)
      bytes[Pick(random, bytes.size())] = static_cast<char>(random());
    const Result<TlsLuggage> back = DecodeTls(bytes);
    if (!back.Ok()) continue;
    ++taken;
    REQUIRE(IsUsable(back.Value().state));
    REQUIRE((EncodeTls(back.Value()) == bytes));
  }
  CHECK(taken > 0);  // keys may have any bytes
}

TEST_CASE("limits: names, subjects, fingerprints and unsent text that are too long") {
  Random random(45);
  const auto decodes = [&random](const auto& change) {
    TlsLuggage luggage{std::move(MakeEnds(kKinds[0], random).server)};
    change(luggage);
    return DecodeTls(EncodeTls(luggage)).Ok();
  };
  CHECK(decodes([](TlsLuggage& luggage) { luggage.facts.server_name.assign(kMaxServerName, 'x'); }));
  CHECK_FALSE(
      decodes([](TlsLuggage& luggage) { luggage.facts.server_name.assign(kMaxServerName + 1, 'x'); }));
  CHECK(decodes([](TlsLuggage& luggage) { luggage.facts.client_subject.assign(kMaxClientSubject, 'x'); }));
  CHECK_FALSE(
      decodes([](TlsLuggage& luggage) { luggage.facts.client_subject.assign(kMaxClientSubject + 1, 'x'); }));
  CHECK_FALSE(decodes([](TlsLuggage& luggage) { luggage.facts.client_fingerprint = "short"; }));
  CHECK(decodes([](TlsLuggage& luggage) { luggage.unsent_plain = 1 << 20; }));
  CHECK_FALSE(decodes([](TlsLuggage& luggage) { luggage.unsent_plain = (1 << 20) + 1; }));
}

}  // namespace preforkd::tls::testing
