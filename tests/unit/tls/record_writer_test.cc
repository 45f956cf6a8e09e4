// What the record layer seals: how text is cut into records, alerts, key updates of its own, the end of
// numbers.
#include "worker/connection/tls/record_writer.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/unit/tls/record_bed.h"

namespace preforkd::tls::testing {
namespace {

using Outcome = Opened::Outcome;

Ends NewEnds(const Kind& kind = kKinds[0]) {
  Random random(6);
  return MakeEnds(kind, random);
}

// The bytes behind the header of each record.
std::vector<std::size_t> Lengths(std::span<const std::byte> records) {
  std::vector<std::size_t> lengths;
  while (!records.empty()) {
    lengths.push_back(ParseHeader(records).length);
    records = records.subspan(kHeaderBytes + lengths.back());
  }
  return lengths;
}

Sealed SealInto(RecordState& state, std::string_view text, std::span<std::byte> out) {
  const RecordWriter::Piece piece = std::as_bytes(std::span(text));
  return RecordWriter(state, Crypto()).Seal({&piece, 1}, out);
}

}  // namespace

TEST_CASE("a small text is one record, a large one full records and the rest") {
  for (const Kind& kind : kKinds) {
    INFO(NameOf(kind));
    Ends ends = NewEnds(kind);
    const std::size_t overhead = OverheadOf(ends.server) - kHeaderBytes;
    CHECK(Lengths(Seal(ends.server, "x")) == std::vector{1 + overhead});
    CHECK(Lengths(Seal(ends.server, std::string(16'384, 'x'))) == std::vector{16'384 + overhead});
    CHECK(Lengths(Seal(ends.server, std::string(40'000, 'x'))) ==
          std::vector{16'384 + overhead, 16'384 + overhead, 7'232 + overhead});
    CHECK(Seal(ends.server, "").empty());
  }
}

TEST_CASE("pieces are one text") {
  for (const Kind& kind : kKinds) {
    INFO(NameOf(kind));
    Ends ends = NewEnds(kind);
    const std::string head = "head";
    const std::string body(20'000, 'b');
    const std::string none;
    const std::string tail = "tail";
    std::vector<RecordWriter::Piece> pieces;
    for (const std::string* text : {&none, &head, &none, &body, &tail, &none})
      pieces.push_back(std::as_bytes(std::span(*text)));
    Bytes out(3 * kMinSealBuffer);
    const Sealed sealed = RecordWriter(ends.server, Crypto()).Seal(pieces, out);
    CHECK(sealed.taken == head.size() + body.size() + tail.size());
    out.resize(sealed.written);
    CHECK(CountRecords(out) == 2);
    CHECK(Open(ends.client, out).text == head + body + tail);
  }
}

TEST_CASE("as many whole records are sealed as there is room for; something always is") {
  for (const Kind& kind : kKinds) {
    INFO(NameOf(kind));
    Ends ends = NewEnds(kind);
    const std::string text(100'000, 'x');
    std::size_t taken = 0;
    std::string read;
    for (std::size_t room = kMinSealBuffer; taken < text.size(); room += 9'000) {
      Bytes out(room);
      const Sealed sealed = SealInto(ends.server, std::string_view(text).substr(taken), out);
      REQUIRE(sealed.taken > 0);
      REQUIRE(sealed.written <= room);
      const bool is_rest = taken + sealed.taken == text.size();
      CHECK((is_rest || sealed.taken % kMaxFragment == 0));
      taken += sealed.taken;
      out.resize(sealed.written);
      read += Open(ends.client, out).text;
    }
    CHECK(read == text);
  }
}

TEST_CASE("no record is longer than the peer asked for, whatever the room") {
  for (const Kind& kind : kKinds) {
    INFO(NameOf(kind));
    for (const std::size_t most : {kMinFragment, std::size_t{512}, std::size_t{4096}, kMaxFragment - 1}) {
      Ends ends = NewEnds(kind);
      ends.server.max_fragment = static_cast<std::uint16_t>(most);
      ends.server = Travelled(std::move(ends.server));
      const std::string text(100'000, 'x');
      std::string read;
      for (std::size_t taken = 0; taken < text.size();) {
        Bytes out(kMinSealBuffer);
        const Sealed sealed = SealInto(ends.server, std::string_view(text).substr(taken), out);
        REQUIRE(sealed.taken > 0);
        taken += sealed.taken;
        out.resize(sealed.written);
        CHECK(CountRecords(out) == (sealed.taken + most - 1) / most);
        CHECK(ParseHeader(out).length <= most + OverheadOf(ends.server) - kHeaderBytes);
        read += Open(ends.client, out).text;
      }
      CHECK((read == text));
    }
  }
}

TEST_CASE("alerts have their level, and end a session in the right way") {
  for (const Kind& kind : kKinds) {
    INFO(NameOf(kind));
    for (const Alert alert : {Alert::kUnexpectedMessage, Alert::kBadRecordMac, Alert::kRecordOverflow,
                              Alert::kIllegalParameter, Alert::kDecodeError, Alert::kInternalError}) {
      Ends ends = NewEnds(kind);
      const Read read = Open(ends.client, SealAlert(ends.server, alert));
      CHECK(read.outcome == Outcome::kPeerFailed);  // in 1.2 only with level fatal
      CHECK(read.alert == alert);
      CHECK(std::string(NameOf(alert)) != "unknown");
    }
    Ends ends = NewEnds(kind);
    Bytes out(kMaxOwedBytes);
    out.resize(RecordWriter(ends.server, Crypto()).SealCloseNotify(out));
    CHECK(Open(ends.client, out).outcome == Outcome::kClosed);
  }
  CHECK(std::string(NameOf(Alert{99})) == "unknown");
}

TEST_CASE("keys are changed at the limit of the AEAD, both ways, and the text does not notice") {
  constexpr RecordLimits kLimits{.rekey_after = 5};
  for (std::size_t i = 0; i < 3; ++i) {
    INFO(NameOf(kKinds[i]));
    Ends ends = NewEnds(kKinds[i]);
    ends.server.read.sequence = ends.client.write.sequence = 0;
    ends.server.write.sequence = ends.client.read.sequence = 0;
    std::size_t records = 0;
    for (int round = 0; round < 40; ++round) {
      const Bytes request = Seal(ends.client, "request");
      CHECK(Open(ends.server, request).text == "request");
      const Bytes answer = Seal(ends.server, "answer", kLimits);
      records += CountRecords(answer);
      CHECK(ends.server.write.sequence <= kLimits.rekey_after + 1);
      CHECK(ends.server.read.sequence <= kLimits.rekey_after + 1);
      CHECK(Open(ends.client, answer).text == "answer");
      ends.server = Travelled(std::move(ends.server));
    }
    CHECK(records > 40 + 5);
  }
}

TEST_CASE("a peer that does not change its key is asked once") {
  Ends ends = NewEnds();
  ends.server.read.sequence = 1000;
  ends.server.write.sequence = ends.client.read.sequence = 0;
  constexpr RecordLimits kLimits{.rekey_after = 100};
  CHECK(CountRecords(Seal(ends.server, "x", kLimits)) == 2);
  CHECK(ends.server.update_asked);
  for (int i = 0; i < 20; ++i) CHECK(CountRecords(Seal(ends.server, "x", kLimits)) == 1);
}

TEST_CASE("a large text at every possible room and limit: the room is never exceeded") {
  Random random(8);
  for (int round = 0; round < 200; ++round) {
    Ends ends = NewEnds(kKinds[Pick(random, 3)]);
    ends.server.update_due = true;
    ends.server.read.sequence = 100;
    const RecordLimits limits{.rekey_after = Pick(random, 3)};
    const std::string text(Pick(random, 70'000), 'x');
    const RecordWriter::Piece piece = std::as_bytes(std::span(text));
    Bytes out(kMinSealBuffer + Pick(random, 50'000));
    const Sealed sealed = RecordWriter(ends.server, Crypto(), limits).Seal({&piece, 1}, out);
    REQUIRE(sealed.written <= out.size());
    CHECK((sealed.taken > 0 || text.empty()));
    out.resize(sealed.written);
    CHECK(Open(ends.client, out).text.size() == sealed.taken);
  }
}

TEST_CASE("a key update and a record go together or not at all") {
  const std::string text(40'000, 'x');
  const RecordWriter::Piece piece = std::as_bytes(std::span(text));
  constexpr std::size_t kBoth = 27 + 16'406;
  for (std::size_t room = 2 * kBoth - 30; room < 2 * kBoth + 30; ++room) {
    Ends ends = NewEnds();
    Bytes out(room + 100);
    const Sealed sealed =
        RecordWriter(ends.server, Crypto(), {.rekey_after = 0}).Seal({&piece, 1}, std::span(out).first(room));
    CHECK(sealed.written <= room);
    CHECK(sealed.written % kBoth == 0);
    CHECK(std::all_of(out.begin() + static_cast<long>(room), out.end(),
                      [](std::byte b) { return b == std::byte{0}; }));
  }
}

TEST_CASE("TLS 1.2: the last number is kept for the alert") {
  for (std::size_t i = 3; i < 6; ++i) {
    INFO(NameOf(kKinds[i]));
    Ends ends = NewEnds(kKinds[i]);
    ends.server.write.sequence = ends.client.read.sequence = UINT64_MAX - 2;
    Bytes out(4 * kMinSealBuffer);
    const Sealed sealed = SealInto(ends.server, std::string(40'000, 'x'), out);
    CHECK(sealed.exhausted);
    CHECK(sealed.taken == kMaxFragment);
    out.resize(sealed.written);
    CHECK(Open(ends.client, out).text.size() == kMaxFragment);
    CHECK(Open(ends.client, SealAlert(ends.server, Alert::kInternalError)).outcome == Outcome::kPeerFailed);
    CHECK(SealAlert(ends.server, Alert::kInternalError).empty());
  }
}

TEST_CASE("TLS 1.3: a number near its end changes the key") {
  for (std::size_t i = 0; i < 3; ++i) {
    Ends ends = NewEnds(kKinds[i]);
    ends.server.write.sequence = ends.client.read.sequence = (std::uint64_t{1} << 62);
    CHECK(Open(ends.client, Seal(ends.server, "x")).text == "x");
    CHECK(ends.server.write.sequence == 1);
  }
}

TEST_CASE("TLS 1.2: explicit nonces follow each other, and wrap") {
  Ends ends = NewEnds(kKinds[3]);
  std::fill(ends.server.write.iv.begin() + kSaltBytes, ends.server.write.iv.end(), std::byte{0xff});
  const auto nonce_of = [](const Bytes& record) { return ToHex(std::span(record).subspan(kHeaderBytes, 8)); };
  const Bytes last = Seal(ends.server, "x");
  CHECK(nonce_of(last) == "ffffffffffffffff");
  const Bytes next = Seal(ends.server, "y");
  CHECK(nonce_of(next) == "0000000000000000");
  CHECK(nonce_of(Seal(ends.server, "z")) == "0000000000000001");
  CHECK(Open(ends.client, last + next).text == "xy");
}

}  // namespace preforkd::tls::testing
