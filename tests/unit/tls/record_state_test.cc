// The state of a TLS session as luggage: its size, that exactly what was packed is unpacked, that secrets are
// wiped.
#include "common/tls/record_state.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <utility>

#include "tests/unit/tls/record_bed.h"

namespace preforkd::tls::testing {
namespace {

// Places in the packed bytes.
constexpr std::size_t kKindAt = 1;
constexpr std::size_t kFlagsAt = 2;
constexpr std::size_t kDatalessAt = 3;
constexpr std::size_t kFragmentAt13 = 4;
constexpr std::size_t kBodyAt12 = 4;
constexpr std::size_t kFragmentAt12 = 8;
constexpr unsigned kPending = 16;  // in the flags: so often, how much of a header has come

Bytes With(Bytes bytes, std::size_t place, unsigned value) {
  bytes.at(place) = static_cast<std::byte>(value);
  return bytes;
}

Bytes SomePacked(Version version, Suite suite) {
  Random random(7);
  return Packed(MakeEnds({version, suite}, random).server);
}

bool Refused(const Bytes& bytes) { return !Unpack(bytes).Ok(); }

bool AllZero(std::span<const std::byte> bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte byte) { return byte == std::byte{0}; });
}

}  // namespace

TEST_CASE("a packed state is as long as its suite says, and no longer than promised") {
  CHECK(SomePacked(Version::kTls13, Suite::kAes128Gcm).size() == 142);
  CHECK(SomePacked(Version::kTls13, Suite::kChaCha20Poly1305).size() == 174);
  CHECK(SomePacked(Version::kTls13, Suite::kAes256Gcm).size() == 206);
  CHECK(SomePacked(Version::kTls12, Suite::kAes128Gcm).size() == 82);
  CHECK(SomePacked(Version::kTls12, Suite::kChaCha20Poly1305).size() == 114);
  CHECK(SomePacked(Version::kTls12, Suite::kAes256Gcm).size() == 114);
}

TEST_CASE("what was packed is unpacked, and nothing is lost") {
  Random random(1);
  for (int round = 0; round < 2000; ++round) {
    const Kind& kind = kKinds[Pick(random, kKinds.size())];
    RecordState state = MakeEnds(kind, random).server;
    const bool is_13 = kind.version == Version::kTls13;
    state.update_due = is_13 && Pick(random, 2) == 0;
    state.update_asked = is_13 && Pick(random, 2) == 0;
    state.refusal_due = !is_13 && Pick(random, 2) == 0;
    state.read_ended = Pick(random, 2) == 0;
    state.dataless = static_cast<std::uint8_t>(Pick(random, kMaxDataless + 1));
    state.max_fragment =
        static_cast<std::uint16_t>(kMinFragment + Pick(random, kMaxFragment - kMinFragment + 1));
    state.read.sequence = random();
    state.write.sequence = random();
    state.pending.header = static_cast<std::uint8_t>(Pick(random, 5));
    if (state.pending.header == 4)
      state.pending.body = is_13 ? 1 : 1 + static_cast<std::uint32_t>(Pick(random, (1 << 24) - 1));
    const Bytes bytes = Packed(state);
    const Result<RecordState> arrived = Unpack(bytes);
    REQUIRE(arrived.Ok());
    CHECK(Packed(arrived.Value()) == bytes);
  }
}

TEST_CASE("each member survives the journey") {
  Random random(2);
  RecordState state = MakeEnds(kKinds[1], random).server;
  state.update_due = true;
  state.read_ended = true;
  state.dataless = 5;
  state.max_fragment = 512;
  state.pending = {4, 1};
  const auto key = state.read.key;
  const auto iv = state.write.iv;
  const auto secret = state.write.secret;
  const std::uint64_t sequence = state.write.sequence;
  const RecordState arrived = Travelled(std::move(state));
  CHECK(arrived.update_due);
  CHECK_FALSE(arrived.update_asked);
  CHECK(arrived.read_ended);
  CHECK(arrived.dataless == 5);
  CHECK(arrived.max_fragment == 512);
  CHECK(arrived.pending == PendingMessage{4, 1});
  CHECK((arrived.read.key == key));
  CHECK((arrived.write.iv == iv));
  CHECK((arrived.write.secret == secret));
  CHECK(arrived.write.sequence == sequence);
}

TEST_CASE("bytes that no state has are refused") {
  const Bytes good13 = SomePacked(Version::kTls13, Suite::kAes256Gcm);
  const Bytes good12 = SomePacked(Version::kTls12, Suite::kAes128Gcm);
  REQUIRE_FALSE(Refused(good13));
  REQUIRE_FALSE(Refused(good12));
  for (const Bytes& good : {good13, good12}) {
    for (std::size_t size = 0; size < good.size(); ++size)
      CHECK(Refused({good.begin(), good.begin() + long(size)}));
    CHECK(Refused(good + Bytes(1)));
    CHECK(Refused(With(good, 0, 0)));
    CHECK(Refused(With(good, 0, 2)));
    CHECK(Refused(With(good, kFlagsAt, 5 * kPending)));
    CHECK(Refused(With(good, kFlagsAt, 15 * kPending)));
    CHECK(Refused(With(good, kDatalessAt, kMaxDataless + 1)));
    CHECK_FALSE(Refused(With(good, kDatalessAt, kMaxDataless)));
    for (unsigned kind = 0; kind < 256; ++kind)
      if (static_cast<std::byte>(kind) != good[kKindAt]) CHECK(Refused(With(good, kKindAt, kind)));
  }
  CHECK(Refused(With(good13, kFlagsAt, 4)));  // a refusal is TLS 1.2's
  CHECK(Refused(With(good12, kFlagsAt, 1)));  // key updates are 1.3's
  CHECK(Refused(With(good12, kFlagsAt, 2)));
  CHECK_FALSE(Refused(With(good12, kFlagsAt, 4)));
  CHECK_FALSE(Refused(With(good13, kFlagsAt, 4 * kPending)));
  CHECK(Refused(With(good12, kFlagsAt, 4 * kPending)));  // nothing left of the body
  CHECK(Refused(With(good12, kBodyAt12, 1)));            // a body without a header
  CHECK(Refused(With(With(good12, kFlagsAt, kPending), kBodyAt12, 1)));
  CHECK_FALSE(Refused(With(With(good12, kFlagsAt, 2 * kPending), kBodyAt12, 255)));
  CHECK(Refused(With(With(good12, kFlagsAt, 4 * kPending), kBodyAt12 + 3, 1)));  // 2^24
  // The most content of a record, little-endian.
  CHECK(Refused(With(With(good13, kFragmentAt13, kMinFragment - 1), kFragmentAt13 + 1, 0)));
  CHECK_FALSE(Refused(With(With(good13, kFragmentAt13, kMinFragment), kFragmentAt13 + 1, 0)));
  CHECK(Refused(With(good13, kFragmentAt13, 1)));  // 2^14 + 1
  CHECK(Refused(With(good12, kFragmentAt12, 1)));
}

TEST_CASE("a key that is all zeros is refused, and an explicit nonce where none is read") {
  Random random(3);
  RecordState state = MakeEnds(kKinds[3], random).server;
  REQUIRE(IsUsable(state));
  state.read.iv[11] = std::byte{1};
  CHECK_FALSE(IsUsable(state));
  state.read.iv[11] = std::byte{0};
  state.write.key.fill(std::byte{0});
  CHECK_FALSE(IsUsable(state));
  RecordState no_secret = MakeEnds(kKinds[0], random).server;
  no_secret.read.secret.fill(std::byte{0});
  CHECK_FALSE(IsUsable(no_secret));
  CHECK_FALSE(IsUsable(RecordState{}));
}

TEST_CASE("a state is wiped where it was moved from, and where it is destroyed") {
  Random random(4);
  RecordState from = MakeEnds(kKinds[1], random).server;
  RecordState to = std::move(from);
  CHECK(IsUsable(to));
  for (const DirectionState* direction : {&from.read, &from.write}) {
    CHECK(AllZero(direction->key));
    CHECK(AllZero(direction->iv));
    CHECK(AllZero(direction->secret));
    CHECK(direction->sequence == 0);
  }
  // The compiler must not leave out the last writes to an object that ends.
  alignas(DirectionState) std::array<std::byte, sizeof(DirectionState)> memory{};
  auto* const direction = new (memory.data()) DirectionState(std::move(to.read));
  const std::byte* volatile seen = memory.data();
  REQUIRE_FALSE(AllZero(direction->key));
  std::destroy_at(direction);
  Bytes left(memory.size());
  for (std::size_t i = 0; i < left.size(); ++i) left[i] = seen[i];
  CHECK(AllZero(left));
}

}  // namespace preforkd::tls::testing
