// Records that were changed on their way: nothing but the right alert, then the end. What is right is said
// here a second time, from the header alone: of a record that was changed the reader may not believe anything
// else. TLS_RECORDS: so many changed records for each suite, instead of 20,000.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <optional>

#include "tests/unit/tls/record_bed.h"

namespace preforkd::tls::testing {
namespace {

using Outcome = Opened::Outcome;
constexpr std::uint64_t kSeed = 20261127;

std::size_t Mutations() {
  const char* wanted = std::getenv("TLS_RECORDS");
  return wanted != nullptr ? std::stoul(wanted) : 20'000;
}

// Unset: more bytes are awaited.
std::optional<Alert> RightAlert(const Kind& kind, std::span<const std::byte> changed) {
  if (changed.size() < 5) return std::nullopt;
  const auto at = [&](std::size_t i) { return std::to_integer<unsigned>(changed[i]); };
  const std::size_t length = at(3) * 256 + at(4);
  if (kind.version == Version::kTls13) {
    if (at(0) != 23) return Alert::kUnexpectedMessage;
    if (length > 16'640) return Alert::kRecordOverflow;
  } else {
    if (at(0) < 21 || at(0) > 23) return Alert::kUnexpectedMessage;
    if (at(1) != 3 || at(2) != 3) return Alert::kProtocolVersion;
    if (length > (kind.suite == Suite::kChaCha20Poly1305 ? 16'400U : 16'408U)) return Alert::kRecordOverflow;
  }
  if (changed.size() < 5 + length) return std::nullopt;
  return Alert::kBadRecordMac;
}

void Change(Bytes& record, Random& random) {
  // One in three in the header, where each byte means something else.
  const std::size_t place =
      Pick(random, Pick(random, 3) == 0 ? std::min<std::size_t>(5, record.size()) : record.size());
  const auto at = record.begin() + static_cast<long>(place);
  switch (Pick(random, 6)) {
    case 0: *at ^= static_cast<std::byte>(1U << Pick(random, 8)); break;
    case 1: *at = static_cast<std::byte>(random()); break;
    case 2: record.resize(place); break;
    case 3: record.insert(at, 1 + Pick(random, 40), static_cast<std::byte>(random())); break;
    case 4: record.erase(at, at + static_cast<long>(1 + Pick(random, record.size() - place))); break;
    default: std::swap(*at, record[Pick(random, record.size())]);
  }
}

Bytes SomeRecord(RecordState& client, Random& random) {
  switch (Pick(random, 6)) {
    case 0: return SealAlert(client, Alert::kCloseNotify);
    case 1: return SealRaw(client, ContentType::kHandshake, FromHex("1800000101"));
    case 2: return SealRaw(client, ContentType::kApplicationData, {}, {.padding = Pick(random, 50)});
    default: return Seal(client, std::string(1 + Pick(random, 300), 'x'));
  }
}

struct Counts {
  std::uint64_t total = 0;
  std::map<std::string, std::uint64_t> ends;
};

// False if the change made no difference.
bool TryOne(const Kind& kind, std::span<const std::byte> server_state,
            std::span<const std::byte> client_state, Random& random, Counts& counts) {
  RecordState server = Unpack(server_state).Value();
  RecordState client = Unpack(client_state).Value();
  const std::string good = Pick(random, 2) == 0 ? "good" : "";
  Bytes bytes = good.empty() ? Bytes{} : Seal(client, good);
  const Bytes record = SomeRecord(client, random);
  Bytes changed = record;
  for (std::size_t i = 0, changes = 1 + Pick(random, 3); i < changes && !changed.empty(); ++i)
    Change(changed, random);
  std::optional<Alert> right = RightAlert(kind, changed);
  // Where more is awaited, it comes: anything.
  for (; !right; right = RightAlert(kind, changed)) {
    const std::size_t whole = changed.size() < 5 ? 5 : 5 + ParseHeader(changed).length;
    changed.resize(whole, static_cast<std::byte>(random()));
  }
  // What begins with the whole record was not changed, but has something behind it.
  if (changed.size() >= record.size() && std::equal(record.begin(), record.end(), changed.begin()))
    return false;
  bytes += changed;
  const std::uint64_t reads = server.read.sequence + (good.empty() ? 0 : 1);

  // In two pieces, the first of which ends anywhere.
  std::string text;
  Opened opened;
  Bytes unread;
  const auto cut = bytes.begin() + static_cast<long>(Pick(random, bytes.size() + 1));
  for (const auto& [from, to] : {std::pair(bytes.begin(), cut), std::pair(cut, bytes.end())}) {
    unread.insert(unread.end(), from, to);
    opened = RecordReader(server, Crypto()).Open(unread);
    text += ToText(opened.plaintext);
    if (opened.outcome != Outcome::kNeedMore) break;
    unread.erase(unread.begin(), unread.begin() + static_cast<long>(opened.consumed));
  }
  // The end: the peer learns why.
  const Read told = Open(client, SealAlert(server, opened.alert));
  // REQUIRE makes a text of what it compares, which is slow: once, for all that must hold.
  const bool holds = text == good && server.read.sequence == reads && opened.outcome == Outcome::kBroken &&
                     opened.alert == *right && told.outcome == Outcome::kPeerFailed && told.alert == *right;
  REQUIRE(holds);
  ++counts.total;
  ++counts.ends[NameOf(*right)];
  return true;
}

}  // namespace

TEST_CASE("a record that was changed gets the right alert, and nothing of it is believed") {
  for (const Kind& kind : kKinds) {
    INFO(NameOf(kind));
    Random random(kSeed);
    const Ends ends = MakeEnds(kind, random);
    const Bytes server = Packed(ends.server);
    const Bytes client = Packed(ends.client);
    Counts counts;
    while (counts.total < Mutations()) TryOne(kind, server, client, random, counts);
    std::string line = fmt::format("{}: {} changed records:", NameOf(kind), counts.total);
    for (const auto& [end, count] : counts.ends) line += fmt::format(" {} {}", count, end);
    fmt::print("{}\n", line);
    CHECK(counts.ends.size() == (kind.version == Version::kTls13 ? 3 : 4));
  }
}

}  // namespace preforkd::tls::testing
