// PackedParcel: a parcel as the master holds it: the descriptor, and the bytes of the HandOver that will
// carry it.
//
// The master accepts, parks, queues and sends connections. For that it needs a few fixed fields only, so it
// never decodes what a worker hands back: it reads and patches the head in place, and sends the bytes on. A
// connection costs one encoding and one decoding for each journey, both in a worker.
//
// The holder of a PackedParcel owns the connection. A fresh connection fits into the object: accepting
// allocates nothing.
#ifndef PREFORKD_COMMON_WIRE_PACKED_PARCEL_H_
#define PREFORKD_COMMON_WIRE_PACKED_PARCEL_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "common/base/ids.h"
#include "common/base/unique_fd.h"
#include "common/net/address.h"
#include "common/wire/parcel.h"
#include "common/wire/parcel_bytes.h"
#include "common/wire/version.h"

namespace preforkd {

// The fixed part of a parcel on the wire, behind the four bytes that begin every message. It has no padding:
// all its bytes are written and all are checked. The fields from `incarnation` to `wake_now` belong to a
// hand-back; in a hand-over they are zero, except for `idle_ns`.
struct ParcelHead {
  std::uint64_t id = 0;
  std::int64_t accepted_ns = 0;  // monotonic
  // On the wire, as in Parcel. In the master, between two journeys: the SocketCookie of its socket, or 0 if
  // the kernel is still to be asked for it.
  std::uint64_t seal = 0;
  std::uint64_t requests = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::uint32_t journeys = 0;
  std::uint16_t reclaims = 0;  // 65,535: or more
  std::uint16_t stay_ms = 0;   // Parcel::stay; before kRhythmVersion the upper half of reclaims
  std::uint16_t listener = 0;
  std::uint16_t service = 0;
  std::uint8_t proxy_header_due = 0;  // 0 or 1
  std::uint8_t tls = 0;               // a TlsStage
  std::uint8_t peer_bytes = 0;        // of the address, which follows the head
  std::uint8_t heavy = 0;             // 0 or 1: its second descriptor holds the unread bytes
  std::uint32_t unread_bytes = 0;     // follow the address
  std::uint32_t context_bytes = 0;    // follow those
  std::uint64_t incarnation = 0;
  // Hand-back: remaining idle time before the master closes it; 0: no limit. Hand-over: when the master
  // parked it, monotonic; 0: it did not, or the receiver speaks no kRhythmVersion.
  std::int64_t idle_ns = 0;
  std::uint32_t slot = 0;
  std::uint8_t reason = 0;      // a ReturnReason
  std::uint8_t wake_now = 0;    // 0 or 1
  std::uint16_t tls_bytes = 0;  // of the TLS state, which follows the context

  bool operator==(const ParcelHead&) const = default;
};
static_assert(sizeof(ParcelHead) == 96);
static_assert(sizeof(sockaddr_storage) <= UINT8_MAX, "peer_bytes has room for any address");

// One more hand-over of it was reclaimed.
inline void CountReclaim(ParcelHead& head) {
  if (head.reclaims < UINT16_MAX) ++head.reclaims;
}
// Without what a receiver of that version does not know.
[[nodiscard]] ParcelHead HeadFor(ParcelHead head, WireVersion receiver);
// As the newest version has it. `sender`: the version in which it came.
[[nodiscard]] ParcelHead HeadFrom(ParcelHead head, WireVersion sender);

// Bytes before the head: magic, version, type (codec.h).
inline constexpr std::size_t kMessagePrefix = 4;

// Bytes of the HandOver or HandBack message with that head.
[[nodiscard]] inline std::size_t MessageSize(const ParcelHead& head) {
  return kMessagePrefix + sizeof(ParcelHead) + head.peer_bytes + std::size_t{head.unread_bytes} +
         head.context_bytes + head.tls_bytes;
}
// The head of a HandOver or HandBack message that a codec has checked. The rest of it may be missing.
[[nodiscard]] ParcelHead HeadOf(std::span<const char> message);
// The address of its client.
[[nodiscard]] SocketAddress PeerOf(std::span<const char> message);

class PackedParcel {
 public:
  PackedParcel() = default;
  // A connection that has just been accepted.
  PackedParcel(UniqueFd fd, const ParcelHead& facts, const SocketAddress& peer);
  // `message` is a whole HandOver or HandBack of any version that a codec has checked. It becomes a hand-over
  // of the newest version here. Copies the bytes.
  PackedParcel(UniqueFd fd, std::span<const char> message, UniqueFd heavy = {});
  PackedParcel(PackedParcel&& other) noexcept;
  PackedParcel& operator=(PackedParcel&& other) noexcept;

  [[nodiscard]] ParcelHead Head() const;
  // Precondition: the four sizes are unchanged.
  void SetHead(const ParcelHead& head);

  // Makes it a message for a worker that speaks `version`. One of an earlier version loses what it has
  // learned.
  void Address(WireVersion version);
  // Its seal is void. Call for all that holds a seal and stays in the master (ParcelHead::seal).
  void Unseal();

  [[nodiscard]] ConnId Id() const { return ConnId{Head().id}; }
  [[nodiscard]] ServiceId Service() const { return ServiceId{Head().service}; }
  [[nodiscard]] TlsStage Tls() const { return TlsStage{Head().tls}; }
  [[nodiscard]] SocketAddress Peer() const { return PeerOf(Message()); }
  // A HandOver message without its descriptor. Valid until the parcel is moved or changed.
  [[nodiscard]] std::span<const char> Message() const { return {Data(), size_}; }

  // True if it was moved from.
  [[nodiscard]] bool Empty() const { return size_ == 0; }

  UniqueFd fd;
  UniqueFd heavy;  // Parcel::heavy

 private:
  // Fits a connection of any family, except for a Unix client with a name, that is fresh or idle between two
  // requests of HTTP (10 bytes of context); and never keys: a TLS state is longer.
  static constexpr std::size_t kInline = kMessagePrefix + sizeof(ParcelHead) + 28 + 10;

  char* Resize(std::size_t size, bool secret);
  [[nodiscard]] const char* Data() const { return size_ > kInline ? heap_.Data() : inline_.data(); }
  [[nodiscard]] char* Data() { return size_ > kInline ? heap_.Data() : inline_.data(); }

  std::uint32_t size_ = 0;
  ParcelBytes heap_;                  // used if it does not fit into inline_
  std::array<char, kInline> inline_;  // not initialised; size_ bytes are valid
};

}  // namespace preforkd

#endif
