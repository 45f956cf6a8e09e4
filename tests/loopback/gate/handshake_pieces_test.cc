// What a client sends, in any pieces and with more behind it, and what is no handshake at all.
#include <doctest/doctest.h>

#include <cstdlib>

#include "common/base/clock.h"
#include "tests/loopback/gate/handshake_bed.h"

namespace preforkd::testing {
namespace {

using tls::testing::Pick;
using tls::testing::Random;

ClientOptions OptionsOf(int version) {
  ClientOptions options;
  options.server_name = "a.test";
  options.lowest = options.highest = version;
  options.groups = "P-521:X25519:P-256";  // a HelloRetryRequest in TLS 1.3
  return options;
}

// Feeds pieces of the sizes that `next` says.
template <typename Next>
FeedGate InPieces(Next next) {
  return [next](Handshake& gate, std::string_view bytes) mutable {
    Handshake::Step step = Handshake::Step::kMore;
    while (!bytes.empty() && step == Handshake::Step::kMore) {
      const std::size_t size = std::min<std::size_t>(next(), bytes.size());
      step = gate.Feed(bytes.substr(0, size));
      bytes.remove_prefix(size);
    }
    CHECK(bytes.empty());  // nothing is behind what a client says in its handshake
    return step;
  };
}

void CheckGoesOn(Handshake& gate, std::unique_ptr<TlsClient> client) {
  Result<TlsLuggage> session = gate.Take();
  REQUIRE(session.Ok());
  CHECK(session.Value().unread.empty());
  Random random(8);
  tls::testing::Converse({std::move(client), std::move(session.Value().state)}, random, 1);
}

// Cuts records into records of `size` bytes of content, those before the keys: a client may send them so.
std::string InSmallRecords(std::string_view bytes, std::size_t size) {
  std::string out;
  while (!bytes.empty()) {
    const tls::RecordHeader header = tls::ParseHeader(std::as_bytes(std::span(bytes)));
    const std::string_view body = bytes.substr(tls::kHeaderBytes, header.length);
    for (std::size_t at = 0; at < body.size(); at += size) {
      const std::string_view part = body.substr(at, size);
      out.append(bytes.substr(0, 3));
      out.append({'\0', static_cast<char>(part.size())});
      out.append(part);
    }
    bytes.remove_prefix(tls::kHeaderBytes + header.length);
  }
  return out;
}

}  // namespace

TEST_CASE("a handshake byte by byte, and in random pieces") {
  const GateSettings settings = MakeSettings();
  Random random(9);
  for (const Library& library : kLibraries) {
    for (const int version : {12, 13}) {
      for (int round = 0; round < 6; ++round) {
        INFO(std::string(library.name), " ", version, " ", round);
        auto client = library.make(OptionsOf(version));
        Handshake gate(settings);
        const FeedGate feed = InPieces([&random, round] { return round == 0 ? 1 : 1 + Pick(random, 400); });
        REQUIRE(Shake(gate, *client, feed).client_done);
        CheckGoesOn(gate, std::move(client));
      }
    }
  }
}

TEST_CASE("a hello in small records") {
  const GateSettings settings = MakeSettings();
  for (const std::size_t size : {1UL, 4UL, 5UL, 50UL, 120UL})
    for (const int version : {12, 13}) {
      INFO(version, " ", size);
      auto client = MakeOpensslClient(OptionsOf(version));
      Handshake gate(settings);
      bool first = true;
      const FeedGate feed = [&first, size](Handshake& handshake, std::string_view bytes) {
        return handshake.Feed(std::exchange(first, false) ? InSmallRecords(bytes, size) : std::string(bytes));
      };
      const Outcome outcome = Shake(gate, *client, feed);
      CAPTURE(outcome.why);
      REQUIRE(outcome.client_done);
      CheckGoesOn(gate, std::move(client));
    }
}

TEST_CASE("what comes behind the handshake in the same piece is left over, to the byte") {
  const GateSettings settings = MakeSettings();
  for (const Library& library : kLibraries) {
    for (const int version : {12, 13}) {
      for (const std::size_t cut : {0UL, 1UL, 4UL, 5UL, 6UL, 20UL, 1'000'000UL}) {
        INFO(std::string(library.name), " ", version, " ", cut);
        auto client = library.make(OptionsOf(version));
        Handshake gate(settings);
        std::string late;
        const FeedGate feed = [&](Handshake& handshake, std::string_view bytes) {
          // TLS 1.3: the client is done as soon as it has said this.
          std::string all(bytes);
          bool done = version == 13;
          try {
            if (done) client->Write("hello");
          } catch (const std::runtime_error&) {
            done = false;
          }
          if (done) {
            const auto more = client->TakeOut();
            all.append(TextOf(more).substr(0, cut));
            late = TextOf(more).substr(std::min(cut, more.size()));
          }
          return handshake.Feed(all);
        };
        REQUIRE(Shake(gate, *client, feed).client_done);
        Result<TlsLuggage> taken = gate.Take();
        REQUIRE(taken.Ok());
        Result<TlsLuggage> session = DecodeTls(EncodeTls(taken.Value()));
        REQUIRE(session.Ok());
        std::string records(session.Value().unread.begin(), session.Value().unread.end());
        if (version == 13) CHECK(records.size() == std::min<std::size_t>(cut, records.size() + late.size()));
        if (version == 12) {  // without false start it speaks behind our Finished
          client->Write("hello");
          late = TextOf(client->TakeOut());
        }
        records += late;
        CHECK(tls::testing::Open(session.Value().state, BytesOf(records)).text == "hello");
        Random random(10);
        tls::testing::Converse({std::move(client), std::move(session.Value().state)}, random, 1);
      }
    }
  }
}

TEST_CASE("no handshake: refused with an alert, or silence") {
  const GateSettings settings = MakeSettings();
  const auto why = [&settings](std::string_view bytes) {
    Handshake gate(settings);
    const Handshake::Step step = gate.Feed(bytes);
    return step == Handshake::Step::kFailed ? std::string(gate.Why()) : std::string("more");
  };
  using namespace std::string_literals;
  using namespace std::string_view_literals;
  CHECK(why("GET / HTTP/1.1\r\n\r\n") != "more");
  CHECK(why("\x16\x03\x01\xff\xff"sv) == "protocol");  // a record that is too long
  std::string endless = "\x16\x03\x01\x40\x00\x01\xff\xff\xff"s + std::string(16'380, 'x');
  for (int i = 0; i < 4; ++i) endless += "\x16\x03\x01\x40\x00"s + std::string(16'384, 'x');
  CHECK(why(endless) == "protocol");                                   // a message that is too long
  CHECK(why("\x17\x03\x03\x00\x05hello"sv) != "more");                 // data before a hello
  CHECK(why("\x16\x03\x01\x00\x04\x0e\x00\x00\x00"sv) == "protocol");  // another message
  CHECK(why("\x15\x03\x01\x00\x02\x02\x28"sv) != "more");              // its alert
  CHECK(why("\x16\x03\x01"sv) == "more");
  std::string warnings;
  for (int i = 0; i < 10'000; ++i) warnings += "\x15\x03\x01\x00\x02\x01\x5a"sv;
  CHECK(why(warnings) != "more");
}

TEST_CASE("a name with a NUL, or an endless one, is no name") {
  const GateSettings settings = MakeSettings();
  const auto client = MakeOpensslClient([] {
    ClientOptions options = OptionsOf(13);
    options.groups = "X25519";
    return options;
  }());
  (void)client->Handshake();
  std::string hello(TextOf(client->TakeOut()));
  const std::size_t at = hello.find("a.test");
  REQUIRE(at != std::string::npos);
  for (const char byte : {'\0', '\xff', ' ', '/', '\n'}) {
    std::string odd = hello;
    odd[at + 1] = byte;
    Handshake gate(settings);
    (void)gate.Feed(odd);  // refused, or taken without a name: see the facts' limits
  }
}

// TLS_HELLOS: how many; without it as many as go into two seconds.
TEST_CASE("mutated hellos: an alert, or silence, and the next client is served") {
  const GateSettings settings = MakeSettings();
  std::vector<std::string> hellos;
  for (const Library& library : kLibraries) {
    for (const int version : {12, 13}) {
      const auto client = library.make(OptionsOf(version));
      (void)client->Handshake();
      hellos.emplace_back(TextOf(client->TakeOut()));
    }
  }
  const char* const wanted = std::getenv("TLS_HELLOS");
  const long rounds = wanted != nullptr ? std::atol(wanted) : 0;
  const Time end = Now() + std::chrono::seconds(2);
  Random random(11);
  long failed = 0;
  long done = 0;
  for (; rounds > 0 ? done < rounds : Now() < end; ++done) {
    std::string hello = hellos[Pick(random, hellos.size())];
    for (std::size_t changes = 1 + Pick(random, 4); changes > 0; --changes) {
      const std::size_t at = Pick(random, hello.size());
      switch (Pick(random, 4)) {
        case 0: hello[at] = static_cast<char>(random()); break;
        case 1: hello[at] = static_cast<char>(hello[at] ^ (1 << Pick(random, 8))); break;
        case 2: hello.insert(at, Pick(random, 8), static_cast<char>(random())); break;
        default: hello.erase(at, Pick(random, 8));
      }
      if (hello.empty()) hello = "\x16";
    }
    Handshake gate(settings);
    const Handshake::Step step = gate.Feed(hello);
    REQUIRE(step != Handshake::Step::kDone);
    if (step == Handshake::Step::kFailed) ++failed;
  }
  MESSAGE(done, " hellos, ", failed, " refused");
  CHECK(failed > 0);
  (void)ShakeHands(settings, OptionsOf(13));
}

}  // namespace preforkd::testing
