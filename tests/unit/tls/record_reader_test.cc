// What the record layer opens: whole and partial records, key updates, alerts, and each thing that a peer may
// not send, with the alert that RFC 8446 and RFC 5246 have for it.
#include "worker/connection/tls/record_reader.h"

#include <doctest/doctest.h>

#include "tests/unit/tls/record_bed.h"

namespace preforkd::tls::testing {
namespace {

using Outcome = Opened::Outcome;
constexpr ContentType kData = ContentType::kApplicationData;
constexpr ContentType kMessage = ContentType::kHandshake;

const Bytes kUpdate = FromHex("1800000100");
const Bytes kUpdateAsking = FromHex("1800000101");

Ends NewEnds(const Kind& kind = kKinds[0]) {
  Random random(5);
  return MakeEnds(kind, random);
}

// The alert for one record after the handshake; the outcome must be that the session is broken.
Alert AlertFor(const Kind& kind, ContentType type, const Bytes& content, const Oddity& oddity = {}) {
  Ends ends = NewEnds(kind);
  const Read read = Open(ends.server, SealRaw(ends.client, type, content, oddity));
  CHECK(read.outcome == Outcome::kBroken);
  CHECK(read.text.empty());
  return read.alert;
}

Alert AlertFor(ContentType type, const Bytes& content) { return AlertFor(kKinds[0], type, content); }

// Of a record of which only the header has come.
Read OpenHeader(const Kind& kind, const char* hex) {
  Ends ends = NewEnds(kind);
  return Open(ends.server, FromHex(hex));
}

// Both ends go to the next generation of the client's key.
void ChangeClientKey(Ends& ends) { Crypto().schedule.Update(ends.client.suite, ends.client.write); }

}  // namespace

TEST_CASE("a record is opened when it is whole, and until then is unread bytes") {
  for (const Kind& kind : kKinds) {
    INFO(NameOf(kind));
    Ends ends = NewEnds(kind);
    const Bytes record = Seal(ends.client, "hello");
    for (std::size_t size = 0; size < record.size(); ++size) {
      const Read part = Open(ends.server, {record.begin(), record.begin() + static_cast<long>(size)});
      CHECK(part.outcome == Outcome::kNeedMore);
      CHECK(part.consumed == 0);
      CHECK(part.text.empty());
      CHECK(part.awaited == (size < kHeaderBytes ? 0 : record.size()));
    }
    const Read whole = Open(ends.server, record);
    CHECK(whole.outcome == Outcome::kNeedMore);
    CHECK(whole.text == "hello");
    CHECK(whole.consumed == record.size());
    CHECK(whole.awaited == 0);
  }
}

TEST_CASE("several records in one call are one text; the part of the next is left") {
  for (const Kind& kind : kKinds) {
    INFO(NameOf(kind));
    Ends ends = NewEnds(kind);
    Bytes records = Seal(ends.client, "one ");
    records += SealRaw(ends.client, kData, {});
    records += Seal(ends.client, std::string(16'384, 'x'));
    records += Seal(ends.client, " three");
    const std::size_t whole = records.size();
    const Bytes next = Seal(ends.client, "four");
    records.insert(records.end(), next.begin(), next.begin() + 9);
    const Read read = Open(ends.server, records);
    CHECK(read.text == "one " + std::string(16'384, 'x') + " three");
    CHECK(read.consumed == whole);
    CHECK(read.awaited == next.size());
    CHECK(Open(ends.server, next).text == "four");
  }
}

TEST_CASE("the plaintext lies in the memory that was given, and the first record is not moved") {
  Ends ends = NewEnds();
  Bytes records = Seal(ends.client, "hello");
  const Opened opened = RecordReader(ends.server, Crypto()).Open(records);
  CHECK(opened.plaintext.data() == records.data() + kHeaderBytes);
}

TEST_CASE("one reader may open several times, also when keys have changed in between") {
  Ends ends = NewEnds();
  RecordReader reader(ends.server, Crypto());
  Bytes records = Seal(ends.client, "one");
  CHECK(ToText(reader.Open(records).plaintext) == "one");
  records = SealRaw(ends.client, kMessage, kUpdate);
  CHECK(reader.Open(records).plaintext.empty());
  ChangeClientKey(ends);
  records = Seal(ends.client, "two");
  CHECK(ToText(reader.Open(records).plaintext) == "two");
  records = Seal(ends.client, "three");
  CHECK(ToText(reader.Open(records).plaintext) == "three");
}

TEST_CASE("padding is stripped") {
  Ends ends = NewEnds();
  CHECK(Open(ends.server, SealRaw(ends.client, kData, FromText("text"), {.padding = 1})).text == "text");
  CHECK(Open(ends.server, SealRaw(ends.client, kData, FromHex("6100"), {.padding = 300})).text ==
        std::string("a\0", 2));
  CHECK(Open(ends.server, SealRaw(ends.client, kData, {}, {.padding = 1000})).outcome == Outcome::kNeedMore);
  // A full record, and the longest that padding can make.
  CHECK(Open(ends.server, SealRaw(ends.client, kData, Bytes(16'384))).text.size() == 16'384);
  CHECK(Open(ends.server, SealRaw(ends.client, kData, Bytes(4), {.padding = 16'380})).text.size() == 4);
}

TEST_CASE("a record that is too long is refused: by its header, or else when its tag was checked") {
  // 2^14 + 256 and one more.
  CHECK(OpenHeader(kKinds[0], "1703034100").outcome == Outcome::kNeedMore);
  CHECK(OpenHeader(kKinds[0], "1703034100").awaited == kMaxRecordBytes);
  CHECK(OpenHeader(kKinds[0], "1703034101").alert == Alert::kRecordOverflow);
  CHECK(OpenHeader(kKinds[0], "170303ffff").alert == Alert::kRecordOverflow);
  // TLS 1.2: 2^14 and what the AEAD adds.
  CHECK(OpenHeader(kKinds[3], "1703034018").outcome == Outcome::kNeedMore);
  CHECK(OpenHeader(kKinds[3], "1703034019").alert == Alert::kRecordOverflow);
  CHECK(OpenHeader(kKinds[5], "1703034010").outcome == Outcome::kNeedMore);
  CHECK(OpenHeader(kKinds[5], "1703034011").alert == Alert::kRecordOverflow);
  // 2^14 + 1 with its type, and one more.
  CHECK(AlertFor(kKinds[0], kData, Bytes(16'385)) == Alert::kRecordOverflow);
  CHECK(AlertFor(kKinds[0], kData, Bytes(1), {.padding = 16'384}) == Alert::kRecordOverflow);
  Ends ends = NewEnds();
  Bytes forged = SealRaw(ends.client, kData, Bytes(16'385));
  forged.back() ^= std::byte{1};
  CHECK(Open(ends.server, forged).alert == Alert::kBadRecordMac);
}

TEST_CASE("a record that was changed, replayed or left out is a bad record") {
  for (const Kind& kind : kKinds) {
    INFO(NameOf(kind));
    Ends ends = NewEnds(kind);
    const Bytes first = Seal(ends.client, "first");
    const Bytes second = Seal(ends.client, "second");
    RecordState other = Unpack(Packed(ends.server)).Value();
    CHECK(Open(other, second).alert == Alert::kBadRecordMac);
    REQUIRE(Open(ends.server, first).text == "first");
    CHECK(Open(ends.server, first).alert == Alert::kBadRecordMac);
  }
  CHECK(OpenHeader(kKinds[0], "1703030000").alert == Alert::kBadRecordMac);
  CHECK(OpenHeader(kKinds[0], "170303000f 000102030405060708090a0b0c0d0e").alert == Alert::kBadRecordMac);
  CHECK(OpenHeader(kKinds[3], "1703030007 00010203040506").alert == Alert::kBadRecordMac);
  CHECK(OpenHeader(kKinds[3], "1503030002 0100").alert == Alert::kBadRecordMac);
}

TEST_CASE("what came before a bad record is given, and the alert with it") {
  Ends ends = NewEnds();
  Bytes records = Seal(ends.client, "good");
  records += FromHex("1503030002 0228");
  const Read read = Open(ends.server, records);
  CHECK(read.text == "good");
  CHECK(read.outcome == Outcome::kBroken);
  CHECK(read.alert == Alert::kUnexpectedMessage);
}

TEST_CASE("TLS 1.3: nothing but disguised records has a place behind the handshake") {
  CHECK(OpenHeader(kKinds[0], "1403030001 01").alert == Alert::kUnexpectedMessage);
  CHECK(OpenHeader(kKinds[0], "1503030002 0100").alert == Alert::kUnexpectedMessage);
  CHECK(OpenHeader(kKinds[0], "1603030010").alert == Alert::kUnexpectedMessage);
  CHECK(OpenHeader(kKinds[0], "1803030010").alert == Alert::kUnexpectedMessage);
  CHECK(OpenHeader(kKinds[0], "4745542020").alert == Alert::kUnexpectedMessage);  // GET
  // The version is ignored, but the tag covers it.
  CHECK(OpenHeader(kKinds[0], "1703010010").outcome == Outcome::kNeedMore);
}

TEST_CASE("TLS 1.3: content types inside") {
  CHECK(AlertFor(ContentType{0}, {}) == Alert::kUnexpectedMessage);
  CHECK(AlertFor(kKinds[0], ContentType{0}, {}, {.padding = 500}) == Alert::kUnexpectedMessage);
  CHECK(AlertFor(ContentType::kChangeCipherSpec, FromHex("01")) == Alert::kUnexpectedMessage);
  CHECK(AlertFor(ContentType{24}, FromHex("01")) == Alert::kUnexpectedMessage);
  CHECK(AlertFor(ContentType{255}, FromHex("01")) == Alert::kUnexpectedMessage);
  CHECK(AlertFor(kMessage, {}) == Alert::kUnexpectedMessage);
  CHECK(AlertFor(ContentType::kAlert, {}) == Alert::kUnexpectedMessage);
}

TEST_CASE("empty records are counted, and their number is limited until data comes") {
  for (const Kind& kind : kKinds) {
    INFO(NameOf(kind));
    Ends ends = NewEnds(kind);
    for (int round = 0; round < 3; ++round) {
      for (int i = 0; i < kMaxDataless; ++i)
        REQUIRE(Open(ends.server, SealRaw(ends.client, kData, {})).outcome == Outcome::kNeedMore);
      ends.server = Travelled(std::move(ends.server));
      REQUIRE(Open(ends.server, Seal(ends.client, "x")).text == "x");
    }
    for (int i = 0; i < kMaxDataless; ++i) Open(ends.server, SealRaw(ends.client, kData, {}));
    CHECK(Open(ends.server, SealRaw(ends.client, kData, {})).alert == Alert::kUnexpectedMessage);
  }
}

TEST_CASE("close_notify ends reading, and all behind it is ignored") {
  for (const Kind& kind : kKinds) {
    INFO(NameOf(kind));
    Ends ends = NewEnds(kind);
    Bytes records = Seal(ends.client, "last");
    records += SealAlert(ends.client, Alert::kCloseNotify);
    records += FromHex("ffffffffff");
    const Read read = Open(ends.server, records);
    CHECK(read.text == "last");
    CHECK(read.outcome == Outcome::kClosed);
    ends.server = Travelled(std::move(ends.server));
    const Read behind = Open(ends.server, FromHex("ffffffffff"));
    CHECK(behind.outcome == Outcome::kClosed);
    CHECK(behind.consumed == 5);
    // We may still answer.
    CHECK(Open(ends.client, Seal(ends.server, "answer")).text == "answer");
  }
}

TEST_CASE("alerts of a TLS 1.3 client") {
  const auto read = [](const char* hex) {
    Ends ends = NewEnds();
    return Open(ends.server, SealRaw(ends.client, ContentType::kAlert, FromHex(hex)));
  };
  CHECK(read("0100").outcome == Outcome::kClosed);
  CHECK(read("0200").outcome == Outcome::kClosed);
  CHECK(read("015a").outcome == Outcome::kNeedMore);          // user_canceled
  for (const char* hex : {"0228", "0128", "0014", "02ff"}) {  // whatever the level is
    CHECK(read(hex).outcome == Outcome::kPeerFailed);
    CHECK(read(hex).alert == static_cast<Alert>(FromHex(hex)[1]));
  }
  CHECK(read("01").alert == Alert::kDecodeError);
  CHECK(read("010000").alert == Alert::kDecodeError);
  CHECK(read("01000100").alert == Alert::kDecodeError);
}

TEST_CASE("alerts of a TLS 1.2 client") {
  for (std::size_t i = 3; i < 6; ++i) {
    const Kind& kind = kKinds[i];
    INFO(NameOf(kind));
    const auto read = [&](const char* hex) {
      Ends ends = NewEnds(kind);
      return Open(ends.server, SealRaw(ends.client, ContentType::kAlert, FromHex(hex)));
    };
    CHECK(read("0100").outcome == Outcome::kClosed);
    CHECK(read("0164").outcome == Outcome::kNeedMore);  // a warning that we need not heed
    CHECK(read("0228").outcome == Outcome::kPeerFailed);
    CHECK(read("0328").alert == Alert::kIllegalParameter);
    CHECK(read("01").alert == Alert::kDecodeError);
    CHECK(read("010000").alert == Alert::kDecodeError);
    CHECK(read("").alert == Alert::kUnexpectedMessage);
    Ends ends = NewEnds(kind);
    for (int warnings = 0; warnings < kMaxDataless; ++warnings)
      REQUIRE(Open(ends.server, SealRaw(ends.client, ContentType::kAlert, FromHex("015a"))).outcome ==
              Outcome::kNeedMore);
    CHECK(Open(ends.server, SealRaw(ends.client, ContentType::kAlert, FromHex("015a"))).alert ==
          Alert::kUnexpectedMessage);
  }
}

TEST_CASE("TLS 1.2: what has no place behind the handshake") {
  CHECK(OpenHeader(kKinds[3], "1403030001 01").alert == Alert::kUnexpectedMessage);
  CHECK(OpenHeader(kKinds[3], "1803030010").alert == Alert::kUnexpectedMessage);
  CHECK(OpenHeader(kKinds[3], "1703020010").alert == Alert::kProtocolVersion);
  CHECK(AlertFor(kKinds[4], kMessage, {}) == Alert::kUnexpectedMessage);
  CHECK(AlertFor(kKinds[4], kMessage, FromHex("00000000")) ==
        Alert::kUnexpectedMessage);  // a server's HelloRequest
  CHECK(AlertFor(kKinds[4], kMessage, FromHex("1800000100")) == Alert::kUnexpectedMessage);
  CHECK(AlertFor(kKinds[4], kData, Bytes(16'384 + 1)) == Alert::kRecordOverflow);
}

TEST_CASE("TLS 1.2: a renegotiation is refused by a warning, however its hello is split") {
  const Bytes hello = FromHex("01000005 0303aabbcc");
  for (std::size_t i = 3; i < 6; ++i) {
    for (std::size_t first = 1; first < hello.size(); ++first) {
      Ends ends = NewEnds(kKinds[i]);
      const auto middle = hello.begin() + static_cast<long>(first);
      REQUIRE(Open(ends.server, SealRaw(ends.client, kMessage, {hello.begin(), middle})).outcome ==
              Outcome::kNeedMore);
      CHECK_FALSE(RecordWriter(ends.server, Crypto()).Owes());
      ends.server = Travelled(std::move(ends.server));
      CHECK(Open(ends.server, Seal(ends.client, "between")).text == "between");
      REQUIRE(Open(ends.server, SealRaw(ends.client, kMessage, {middle, hello.end()})).outcome ==
              Outcome::kNeedMore);
      CHECK(RecordWriter(ends.server, Crypto()).Owes());
      ends.server = Travelled(std::move(ends.server));
      const Bytes refusal = SealOwed(ends.server);
      CHECK_FALSE(RecordWriter(ends.server, Crypto()).Owes());
      CHECK(CountRecords(refusal) == 1);
      CHECK(Open(ends.client, refusal).outcome == Outcome::kNeedMore);
      CHECK(Open(ends.client, Seal(ends.server, "answer")).text == "answer");
    }
  }
  Ends ends = NewEnds(kKinds[3]);
  CHECK(Open(ends.server, SealRaw(ends.client, kMessage, FromHex("01000000 01000001 aa"))).outcome ==
        Outcome::kNeedMore);
  CHECK(ends.server.pending == PendingMessage{});
}

TEST_CASE("a key update, in one record or split over several, changes the key of what follows") {
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t first = 1; first <= kUpdate.size(); ++first) {
      INFO(NameOf(kKinds[i]));
      Ends ends = NewEnds(kKinds[i]);
      const auto middle = kUpdate.begin() + static_cast<long>(first);
      REQUIRE(Open(ends.server, SealRaw(ends.client, kMessage, {kUpdate.begin(), middle})).outcome ==
              Outcome::kNeedMore);
      ends.server = Travelled(std::move(ends.server));
      if (first < kUpdate.size()) Open(ends.server, SealRaw(ends.client, kMessage, {middle, kUpdate.end()}));
      CHECK(ends.server.read.sequence == 0);
      CHECK_FALSE(RecordWriter(ends.server, Crypto()).Owes());
      ChangeClientKey(ends);
      CHECK(Open(ends.server, Seal(ends.client, "new key")).text == "new key");
    }
  }
}

TEST_CASE("data, a key update and data of the next key come in one call") {
  Ends ends = NewEnds(kKinds[2]);
  Bytes records = Seal(ends.client, "old ");
  records += SealRaw(ends.client, kMessage, kUpdate);
  ChangeClientKey(ends);
  records += Seal(ends.client, "new");
  CHECK(Open(ends.server, records).text == "old new");
}

TEST_CASE("a key update that asks is answered under the old key, once for several") {
  for (std::size_t i = 0; i < 3; ++i) {
    INFO(NameOf(kKinds[i]));
    Ends ends = NewEnds(kKinds[i]);
    for (int updates = 0; updates < 3; ++updates) {
      Open(ends.server, SealRaw(ends.client, kMessage, kUpdateAsking));
      ChangeClientKey(ends);
    }
    CHECK(RecordWriter(ends.server, Crypto()).Owes());
    ends.server = Travelled(std::move(ends.server));
    const Bytes answer = Seal(ends.server, "answer");
    CHECK(CountRecords(answer) == 2);
    CHECK_FALSE(RecordWriter(ends.server, Crypto()).Owes());
    CHECK(ends.server.write.sequence == 1);
    CHECK(Open(ends.client, answer).text == "answer");
    CHECK_FALSE(ends.client.update_due);  // an answer asks for none
    CHECK(ends.client.read.sequence == 1);
  }
}

TEST_CASE("wrong key updates") {
  CHECK(AlertFor(kMessage, FromHex("1800000102")) == Alert::kIllegalParameter);
  CHECK(AlertFor(kMessage, FromHex("18000001ff")) == Alert::kIllegalParameter);
  CHECK(AlertFor(kMessage, FromHex("18000000")) == Alert::kDecodeError);
  CHECK(AlertFor(kMessage, FromHex("1800000200")) == Alert::kDecodeError);
  CHECK(AlertFor(kMessage, FromHex("1801000100")) == Alert::kDecodeError);
  CHECK(AlertFor(kMessage, FromHex("180000010018")) == Alert::kUnexpectedMessage);
  CHECK(AlertFor(kMessage, kUpdate + kUpdate) == Alert::kUnexpectedMessage);
  for (unsigned type = 0; type < 256; ++type) {
    if (type == 24) continue;
    Bytes message = FromHex("0000000100");
    message[0] = static_cast<std::byte>(type);
    CHECK(AlertFor(kMessage, message) == Alert::kUnexpectedMessage);
  }
}

TEST_CASE("nothing may come between the parts of a key update") {
  for (const ContentType type : {kData, ContentType::kAlert}) {
    Ends ends = NewEnds();
    Open(ends.server, SealRaw(ends.client, kMessage, FromHex("1800")));
    CHECK(Open(ends.server, SealRaw(ends.client, type, FromHex("0100"))).alert == Alert::kUnexpectedMessage);
  }
}

TEST_CASE("key updates without data between them are limited in number") {
  Ends ends = NewEnds(kKinds[1]);
  for (int i = 0; i <= kMaxDataless; ++i) {
    const Read read = Open(ends.server, SealRaw(ends.client, kMessage, kUpdateAsking));
    if (i == kMaxDataless) CHECK(read.alert == Alert::kUnexpectedMessage);
    if (i < kMaxDataless) REQUIRE(read.outcome == Outcome::kNeedMore);
    ChangeClientKey(ends);
  }
}

TEST_CASE("a number never wraps") {
  for (const Kind& kind : kKinds) {
    Ends ends = NewEnds(kind);
    ends.server.read.sequence = ends.client.write.sequence = UINT64_MAX - 1;
    CHECK(Open(ends.server, SealRaw(ends.client, kData, FromText("x"))).text == "x");
    CHECK(Open(ends.server, SealRaw(ends.client, kData, FromText("x"))).alert == Alert::kInternalError);
  }
}

}  // namespace preforkd::tls::testing
