#include "common/wire/packed_parcel.h"

#include <cstring>
#include <utility>

#include "common/base/check.h"
#include "common/wire/message_type.h"

namespace preforkd {

ParcelHead HeadFor(ParcelHead head, WireVersion receiver) {
  if (receiver >= kRhythmVersion) return head;
  head.stay_ms = 0;
  head.idle_ns = 0;
  return head;
}

ParcelHead HeadFrom(ParcelHead head, WireVersion sender) {
  if (sender >= kRhythmVersion) return head;
  if (head.stay_ms > 0) head.reclaims = UINT16_MAX;
  head.stay_ms = 0;
  return head;
}

ParcelHead HeadOf(std::span<const char> message) {
  ParcelHead head;
  std::memcpy(&head, message.data() + kMessagePrefix, sizeof(head));
  return head;
}

SocketAddress PeerOf(std::span<const char> message) {
  const ParcelHead head = HeadOf(message);
  SocketAddress peer;
  peer.length = head.peer_bytes;
  std::memcpy(&peer.storage, message.data() + kMessagePrefix + sizeof(head), peer.length);
  return peer;
}

PackedParcel::PackedParcel(UniqueFd accepted, const ParcelHead& facts, const SocketAddress& peer)
    : fd(std::move(accepted)) {
  char* const data = Resize(kMessagePrefix + sizeof(ParcelHead) + peer.length, false);
  PutPrefix(data, MessageType::kHandOver, kWireVersion);
  ParcelHead head = facts;
  head.peer_bytes = static_cast<std::uint8_t>(peer.length);
  std::memcpy(data + kMessagePrefix, &head, sizeof(head));
  std::memcpy(data + kMessagePrefix + sizeof(head), &peer.storage, peer.length);
}

PackedParcel::PackedParcel(UniqueFd received, std::span<const char> message, UniqueFd second)
    : fd(std::move(received)), heavy(std::move(second)) {
  ParcelHead head = HeadOf(message);
  char* const data = Resize(message.size(), head.tls_bytes > 0);
  std::memcpy(data, message.data(), message.size());
  head = HeadFrom(head, VersionOf(data));
  // A hand-over that is reclaimed was parked when it was.
  if (TypeOf(data) == MessageType::kHandBack) head.idle_ns = 0;
  PutPrefix(data, MessageType::kHandOver, kWireVersion);
  head.incarnation = 0;
  head.slot = 0;
  head.reason = 0;
  head.wake_now = 0;
  SetHead(head);
}

PackedParcel::PackedParcel(PackedParcel&& other) noexcept { *this = std::move(other); }

PackedParcel& PackedParcel::operator=(PackedParcel&& other) noexcept {
  if (this == &other) return *this;
  fd = std::move(other.fd);
  heavy = std::move(other.heavy);
  size_ = std::exchange(other.size_, 0);
  heap_ = std::move(other.heap_);
  if (size_ <= kInline) std::memcpy(inline_.data(), other.inline_.data(), size_);
  return *this;
}

ParcelHead PackedParcel::Head() const {
  PF_CHECK(!Empty(), "use of a parcel that was moved from");
  return HeadOf(Message());
}

void PackedParcel::SetHead(const ParcelHead& head) {
  PF_CHECK(!Empty(), "use of a parcel that was moved from");
  std::memcpy(Data() + kMessagePrefix, &head, sizeof(head));
}

void PackedParcel::Address(WireVersion version) {
  PutPrefix(Data(), MessageType::kHandOver, version);
  if (version < kRhythmVersion) SetHead(HeadFor(Head(), version));
}

void PackedParcel::Unseal() {
  ParcelHead head = Head();
  head.seal = 0;
  SetHead(head);
}

char* PackedParcel::Resize(std::size_t size, bool secret) {
  PF_CHECK(size <= UINT32_MAX, "a parcel is longer than a message");
  if (size > kInline) heap_ = ParcelBytes(size, secret);
  size_ = static_cast<std::uint32_t>(size);
  return Data();
}

}  // namespace preforkd
