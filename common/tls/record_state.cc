#include "common/tls/record_state.h"

#include <string.h>

#include <algorithm>

#include "common/base/check.h"
#include "common/wire/byte_io.h"

namespace preforkd::tls {
namespace {

constexpr std::uint8_t kLayout = 1;  // the first byte: another version of this program may have packed it
constexpr std::uint8_t kHeaderBytes = 4;

// Bits of the byte of flags. The upper four are PendingMessage::header.
constexpr std::uint8_t kUpdateDue = 1;
constexpr std::uint8_t kUpdateAsked = 2;
constexpr std::uint8_t kRefusalDue = 4;
constexpr std::uint8_t kReadEnded = 8;
constexpr unsigned kHeaderShift = 4;

bool IsKnown(Version version) { return version == Version::kTls12 || version == Version::kTls13; }
bool IsKnown(Suite suite) { return suite >= Suite::kAes128Gcm && suite <= Suite::kChaCha20Poly1305; }

bool AllZero(std::span<const std::byte> bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte byte) { return byte == std::byte{0}; });
}

bool IsUsable(const PendingMessage& pending, Version version) {
  if (pending.header == 0) return pending.body == 0;
  if (pending.header > kHeaderBytes) return false;
  if (pending.header == kHeaderBytes)
    return version == Version::kTls13 ? pending.body == 1 : pending.body > 0 && pending.body < 1U << 24;
  // The first byte of the header is the type, so one less is of the length. Those of a KeyUpdate are 0, 0, 1.
  return version == Version::kTls13 ? pending.body == 0 : pending.body < 1U << (8 * (pending.header - 1));
}

bool FlagsFit(const RecordState& state) {
  return state.version == Version::kTls13 ? !state.refusal_due : !state.update_due && !state.update_asked;
}

bool KeysFit(const RecordState& state) {
  const std::size_t key = KeyBytes(state.suite);
  if (AllZero(std::span(state.read.key).first(key)) || AllZero(std::span(state.write.key).first(key)))
    return false;
  if (HasExplicitNonce(state.version, state.suite))
    return AllZero(std::span(state.read.iv).subspan(kSaltBytes));
  return state.version == Version::kTls12 || (!AllZero(state.read.secret) && !AllZero(state.write.secret));
}

std::uint8_t FlagsOf(const RecordState& state) {
  return static_cast<std::uint8_t>(
      (state.update_due ? kUpdateDue : 0) | (state.update_asked ? kUpdateAsked : 0) |
      (state.refusal_due ? kRefusalDue : 0) | (state.read_ended ? kReadEnded : 0) |
      state.pending.header << kHeaderShift);
}

void PutDirection(ByteWriter& writer, const RecordState& state, const DirectionState& direction) {
  writer.PutBytes(std::span(direction.key).first(KeyBytes(state.suite)));
  writer.PutBytes(direction.iv);
  writer.Put(direction.sequence);
  if (state.version == Version::kTls13)
    writer.PutBytes(std::span(direction.secret).first(SecretBytes(state.suite)));
}

// Precondition: the reader has `out`'s size left.
void GetInto(ByteReader& reader, std::span<std::byte> out) {
  const std::string_view bytes = reader.GetBytes(out.size());
  std::memcpy(out.data(), bytes.data(), bytes.size());
}

void GetDirection(ByteReader& reader, const RecordState& state, DirectionState& direction) {
  GetInto(reader, std::span(direction.key).first(KeyBytes(state.suite)));
  GetInto(reader, direction.iv);
  direction.sequence = reader.Get<std::uint64_t>();
  if (state.version == Version::kTls13)
    GetInto(reader, std::span(direction.secret).first(SecretBytes(state.suite)));
}

Error Malformed() { return Error{"malformed TLS record state", 0}; }

}  // namespace

DirectionState::DirectionState(DirectionState&& other) noexcept { *this = std::move(other); }

DirectionState& DirectionState::operator=(DirectionState&& other) noexcept {
  if (this == &other) return *this;
  key = other.key;
  iv = other.iv;
  sequence = other.sequence;
  secret = other.secret;
  other.Wipe();
  return *this;
}

void DirectionState::Wipe() {
  ::explicit_bzero(key.data(), key.size());
  ::explicit_bzero(iv.data(), iv.size());
  ::explicit_bzero(secret.data(), secret.size());
  sequence = 0;
}

bool IsUsable(const RecordState& state) {
  return IsKnown(state.version) && IsKnown(state.suite) && IsUsable(state.pending, state.version) &&
         state.max_fragment >= kMinFragment && state.max_fragment <= kMaxFragment &&
         state.dataless <= kMaxDataless && FlagsFit(state) && KeysFit(state);
}

std::size_t Pack(const RecordState& state, std::span<std::byte> out) {
  PF_CHECK(IsUsable(state), "a TLS record state is packed that no session can go on from");
  ByteWriter writer(out);
  writer.Put(kLayout);
  writer.Put(static_cast<std::uint8_t>(static_cast<unsigned>(state.version) << 4 |
                                       static_cast<unsigned>(state.suite)));
  writer.Put(FlagsOf(state));
  writer.Put(state.dataless);
  if (state.version == Version::kTls12) writer.Put(state.pending.body);
  writer.Put(state.max_fragment);
  PutDirection(writer, state, state.read);
  PutDirection(writer, state, state.write);
  return writer.Written();
}

Result<RecordState> Unpack(std::span<const std::byte> bytes) {
  ByteReader reader({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  if (reader.Get<std::uint8_t>() != kLayout) return Malformed();
  RecordState state;
  const auto kind = reader.Get<std::uint8_t>();
  state.version = static_cast<Version>(kind >> 4);
  state.suite = static_cast<Suite>(kind & 15);
  if (!IsKnown(state.version) || !IsKnown(state.suite)) return Malformed();
  if (bytes.size() != PackedBytes(state.version, state.suite)) return Malformed();
  const auto flags = reader.Get<std::uint8_t>();
  state.update_due = (flags & kUpdateDue) != 0;
  state.update_asked = (flags & kUpdateAsked) != 0;
  state.refusal_due = (flags & kRefusalDue) != 0;
  state.read_ended = (flags & kReadEnded) != 0;
  state.pending.header = flags >> kHeaderShift;
  state.dataless = reader.Get<std::uint8_t>();
  if (state.version == Version::kTls12) {
    state.pending.body = reader.Get<std::uint32_t>();
  } else {
    state.pending.body = state.pending.header == kHeaderBytes ? 1 : 0;
  }
  state.max_fragment = reader.Get<std::uint16_t>();
  GetDirection(reader, state, state.read);
  GetDirection(reader, state, state.write);
  if (!reader.Done() || !IsUsable(state)) return Malformed();
  return state;
}

}  // namespace preforkd::tls
