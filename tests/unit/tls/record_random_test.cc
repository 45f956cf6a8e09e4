// Two ends talk through wires that are cut anywhere, change keys, and travel between processes in between:
// the bytes that arrive are those that were sent. TLS_RECORDS: so many records each way for each suite,
// instead of 4,000.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <algorithm>
#include <cstdlib>

#include "tests/unit/tls/record_bed.h"

namespace preforkd::tls::testing {
namespace {

constexpr std::uint64_t kSeed = 20261127;

std::size_t RecordsEachWay() {
  const char* wanted = std::getenv("TLS_RECORDS");
  return wanted != nullptr ? std::stoul(wanted) : 4'000;
}

// A text without end, of which any part can be made and checked without keeping it.
class EndlessText {
 public:
  explicit EndlessText(Random& random) {
    for (char& byte : table_) byte = static_cast<char>(random());
  }
  // Twice the table behind each other, so that a part of at most kPeriod bytes is one piece.
  [[nodiscard]] std::string_view At(std::uint64_t place, std::size_t size) {
    if (doubled_.empty()) doubled_ = table_ + table_;
    return std::string_view(doubled_).substr(place % kPeriod, size);
  }
  static constexpr std::size_t kPeriod = 65'521;  // a prime: no record size divides it

 private:
  std::string table_ = std::string(kPeriod, '\0');
  std::string doubled_;
};

struct Wire {
  Bytes bytes;             // on the way
  Bytes unread;            // received, a part of a record
  std::uint64_t sent = 0;  // bytes of text
  std::uint64_t read = 0;  // bytes of text
  std::uint64_t records = 0;
};

class Conversation {
 public:
  Conversation(const Kind& kind, Random& random)
      : random_(random),
        text_(random),
        ends_(MakeEnds(kind, random)),
        is_13_(kind.version == Version::kTls13) {
    ends_.client.max_fragment = 700;  // one of the two gets small records
  }

  void Step() {
    const bool from_client = Pick(random_, 2) == 0;
    switch (Pick(random_, 20)) {
      case 0: return Travel(from_client ? ends_.client : ends_.server);
      case 1: return AskForKeys(from_client ? ends_.client : ends_.server);
      default: break;
    }
    Wire& wire = from_client ? to_server_ : to_client_;
    if (wire.bytes.size() > 200'000 || Pick(random_, 2) == 0)
      return Deliver(from_client, Pick(random_, 60'000));
    Send(from_client);
  }

  void Finish() {
    Deliver(true, to_server_.bytes.size());
    Deliver(false, to_client_.bytes.size());
    for (const Wire* wire : {&to_server_, &to_client_}) {
      CHECK(wire->sent == wire->read);
      CHECK(wire->unread.empty());
    }
    CHECK(Open(ends_.client, SealAlert(ends_.server, Alert::kCloseNotify)).outcome ==
          Opened::Outcome::kClosed);
    CHECK(Open(ends_.server, SealAlert(ends_.client, Alert::kCloseNotify)).outcome ==
          Opened::Outcome::kClosed);
  }

  [[nodiscard]] std::uint64_t Records() const { return std::min(to_server_.records, to_client_.records); }
  [[nodiscard]] std::uint64_t KeyChanges() const { return key_changes_; }
  [[nodiscard]] std::uint64_t Journeys() const { return journeys_; }
  [[nodiscard]] std::uint64_t BytesRead() const { return to_server_.read + to_client_.read; }

 private:
  void Travel(RecordState& state) {
    state = Travelled(std::move(state));
    ++journeys_;
  }

  void AskForKeys(RecordState& state) {
    if (is_13_ && Pick(random_, 4) == 0) state.update_due = true;
  }

  // Most are small, as requests are; one in sixteen has several records.
  std::size_t SomeSize() {
    if (Pick(random_, 16) == 0) return Pick(random_, 50'000);
    return Pick(random_, 2) == 0 ? Pick(random_, 40) : Pick(random_, 1'500);
  }

  void Send(bool from_client) {
    RecordState& state = from_client ? ends_.client : ends_.server;
    Wire& wire = from_client ? to_server_ : to_client_;
    const std::string_view text = text_.At(wire.sent, SomeSize());
    std::vector<RecordWriter::Piece> pieces;
    for (std::string_view left = text; !left.empty();) {
      const std::size_t size = Pick(random_, 3) == 0 ? Pick(random_, left.size() + 1) : left.size();
      pieces.push_back(std::as_bytes(std::span(left.substr(0, size))));
      left.remove_prefix(size);
    }
    const RecordLimits limits{.rekey_after = 20 + Pick(random_, 400)};
    out_.resize(kMinSealBuffer + Pick(random_, 50'000));
    const std::uint64_t before = state.write.sequence;
    const Sealed sealed = RecordWriter(state, Crypto(), limits).Seal(pieces, out_);
    if (is_13_ && state.write.sequence < before) ++key_changes_;
    const std::span<const std::byte> records = std::span(out_).first(sealed.written);
    wire.records += CountRecords(records);
    wire.sent += sealed.taken;
    wire.bytes.insert(wire.bytes.end(), records.begin(), records.end());
  }

  // In one piece, or in several that end anywhere.
  void Deliver(bool from_client, std::size_t most) {
    Wire& wire = from_client ? to_server_ : to_client_;
    RecordState& state = from_client ? ends_.server : ends_.client;
    std::size_t left = std::min(most, wire.bytes.size());
    std::size_t used = 0;
    while (left > 0) {
      const std::size_t size = Pick(random_, 3) == 0 ? 1 + Pick(random_, left) : left;
      const auto from = wire.bytes.begin() + static_cast<long>(used);
      wire.unread.insert(wire.unread.end(), from, from + static_cast<long>(size));
      used += size;
      left -= size;
      Receive(wire, state);
    }
    wire.bytes.erase(wire.bytes.begin(), wire.bytes.begin() + static_cast<long>(used));
  }

  void Receive(Wire& wire, RecordState& state) {
    const Opened opened = RecordReader(state, Crypto()).Open(wire.unread);
    REQUIRE(opened.outcome == Opened::Outcome::kNeedMore);
    std::string_view left(reinterpret_cast<const char*>(opened.plaintext.data()), opened.plaintext.size());
    while (!left.empty()) {
      const std::size_t size = std::min(left.size(), EndlessText::kPeriod);
      REQUIRE((left.substr(0, size) == text_.At(wire.read, size)));
      wire.read += size;
      left.remove_prefix(size);
    }
    wire.unread.erase(wire.unread.begin(), wire.unread.begin() + static_cast<long>(opened.consumed));
    REQUIRE(wire.unread.size() < kMaxRecordBytes);
  }

  Random& random_;
  EndlessText text_;
  Ends ends_;
  const bool is_13_;
  Wire to_server_;
  Wire to_client_;
  Bytes out_;
  std::uint64_t key_changes_ = 0;
  std::uint64_t journeys_ = 0;
};

}  // namespace

TEST_CASE("what is sent arrives, whatever the sizes, the splits, the keys and the journeys") {
  for (const Kind& kind : kKinds) {
    INFO(NameOf(kind));
    Random random(kSeed);
    Conversation conversation(kind, random);
    while (conversation.Records() < RecordsEachWay()) conversation.Step();
    conversation.Finish();
    CHECK(conversation.Journeys() > RecordsEachWay() / 200);
    if (kind.version == Version::kTls13) CHECK(conversation.KeyChanges() > RecordsEachWay() / 200);
    fmt::print("{}: {} records each way, {} MiB, {} key changes, {} journeys\n", NameOf(kind),
               conversation.Records(), conversation.BytesRead() >> 20, conversation.KeyChanges(),
               conversation.Journeys());
  }
}

}  // namespace preforkd::tls::testing
