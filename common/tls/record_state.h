// RecordState: all that the record layer of an established TLS session must know to go on, in this process or
// in another: version, suite, keys and numbers of both directions, and what has begun and not ended. A gate's
// handshake fills it, the record layer (worker/connection/tls) uses it, the luggage of a connection carries
// it packed.
//
// The holder owns the session: two holders that both seal with one state would use a nonce twice, which gives
// the plaintext away. So it is move-only. Its secrets are wiped where they are moved from and where they are
// destroyed. It must never be printed or logged; the code that packs it must wipe the bytes when they have
// been sent or read.
#ifndef PREFORKD_COMMON_TLS_RECORD_STATE_H_
#define PREFORKD_COMMON_TLS_RECORD_STATE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <span>

#include "common/base/result.h"

namespace preforkd::tls {

// The values are packed: they never change.
enum class Version : std::uint8_t { kTls12 = 2, kTls13 = 3 };
enum class Suite : std::uint8_t { kAes128Gcm = 1, kAes256Gcm = 2, kChaCha20Poly1305 = 3 };
inline constexpr std::size_t kSuites = 3;

inline constexpr std::size_t kMaxKeyBytes = 32;
inline constexpr std::size_t kIvBytes = 12;
inline constexpr std::size_t kSaltBytes = 4;  // of TLS 1.2 with GCM: RFC 5288, 3
inline constexpr std::size_t kMaxSecretBytes = 48;

inline constexpr std::size_t kMaxFragment = 1 << 14;  // bytes of content in one record
// The least that a peer can ask for: a record_size_limit of 64, of which TLS 1.3 takes one for the type (RFC
// 8449, 4).
inline constexpr std::size_t kMinFragment = 63;

// Bytes of a key, 16 or 32.
constexpr std::size_t KeyBytes(Suite suite) { return suite == Suite::kAes128Gcm ? 16 : 32; }
// Bytes of a traffic secret, which is a hash of the suite: 48 with SHA-384 (AES-256-GCM), else 32 (RFC 8446,
// B.4).
constexpr std::size_t SecretBytes(Suite suite) { return suite == Suite::kAes256Gcm ? 48 : 32; }
// True if each record carries its own nonce: RFC 5288, 3. The others derive it from the number (RFC
// 8446, 5.3; RFC 7905, 2).
constexpr bool HasExplicitNonce(Version version, Suite suite) {
  return version == Version::kTls12 && suite != Suite::kChaCha20Poly1305;
}

// One direction. What a suite or version does not use is zero. Wiped when moved from and when destroyed.
struct DirectionState {
  DirectionState() = default;
  DirectionState(DirectionState&& other) noexcept;
  DirectionState& operator=(DirectionState&& other) noexcept;
  ~DirectionState() { Wipe(); }

  void Wipe();

  std::array<std::byte, kMaxKeyBytes> key{};  // the first KeyBytes(suite)
  // TLS 1.3, and ChaCha20 in 1.2: the IV. TLS 1.2 with GCM: the salt; behind it, for writing, the next
  // explicit nonce, big-endian (any value to begin with, if it goes on from the last that was used; it may
  // wrap), for reading zeros.
  std::array<std::byte, kIvBytes> iv{};
  // Of the next record. TLS 1.3: counted from the last change of keys, so also the number of records under
  // this key.
  std::uint64_t sequence = 0;
  // TLS 1.3: client_ or server_application_traffic_secret_N, of which key and iv were derived (RFC
  // 8446, 7.2).
  std::array<std::byte, kMaxSecretBytes> secret{};
};

// A handshake message behind the handshake of which some bytes have been read.
struct PendingMessage {
  // Bytes of its header that have been read, 0 (none has begun) to 4.
  std::uint8_t header = 0;
  // While header < 4: the bytes of its length that are known. Then: bytes of the body that are still to come,
  // below 2^24. TLS 1.3 knows one message, KeyUpdate, whose length is 1.
  std::uint32_t body = 0;

  bool operator==(const PendingMessage&) const = default;
};

struct RecordState {
  Version version = Version::kTls13;
  Suite suite = Suite::kAes128Gcm;
  DirectionState read;
  DirectionState write;

  PendingMessage pending;
  // Records in a row without application data, at most kMaxDataless: a peer must not keep us busy for
  // nothing.
  std::uint8_t dataless = 0;
  // TLS 1.3: the peer has asked for a KeyUpdate, which goes before our next application data (RFC
  // 8446, 4.6.3).
  bool update_due = false;
  // TLS 1.3: we have asked the peer for one, and it has not come yet.
  bool update_asked = false;
  // TLS 1.2: the peer has asked for a renegotiation, and gets the warning no_renegotiation.
  bool refusal_due = false;
  // The peer's close_notify has come; we may still send (RFC 8446, 6.1).
  bool read_ended = false;
  // Bytes of content in a record that we send, at most: a small device asks for less than 2^14 (RFC 8449; RFC
  // 6066, 4). kMinFragment to kMaxFragment.
  std::uint16_t max_fragment = kMaxFragment;
};

// Without a body: a test or a log line that would print keys does not compile.
std::ostream& operator<<(std::ostream&, const RecordState&) = delete;
std::ostream& operator<<(std::ostream&, const DirectionState&) = delete;

inline constexpr std::uint8_t kMaxDataless = 32;

// The packed size, in bytes. TLS 1.3: 142 (AES-128), 174 (ChaCha20), 206 (AES-256); TLS 1.2: 82, 114, 114.
constexpr std::size_t PackedBytes(Version version, Suite suite) {
  const bool has_secret = version == Version::kTls13;
  const std::size_t pending_body = has_secret ? 0 : sizeof(std::uint32_t);
  return 6 + pending_body +
         2 * (KeyBytes(suite) + kIvBytes + sizeof(std::uint64_t) + (has_secret ? SecretBytes(suite) : 0));
}
inline constexpr std::size_t kMaxPackedBytes = PackedBytes(Version::kTls13, Suite::kAes256Gcm);
static_assert(kMaxPackedBytes == 206);

// True if a record layer can go on from it: members in their ranges, none set that the version does not have,
// no key that is all zeros, which one that was wiped has.
[[nodiscard]] bool IsUsable(const RecordState& state);

// Writes the state to the beginning of `out`; the number of bytes is PackedBytes(version, suite).
// Preconditions: IsUsable(state), and `out` has room. It copies: the caller wipes the state if it does not go
// on here, and the bytes when they have left.
std::size_t Pack(const RecordState& state, std::span<std::byte> out);

// The state of bytes that are exactly what Pack makes; an error for any others. The caller wipes the bytes.
Result<RecordState> Unpack(std::span<const std::byte> bytes);

}  // namespace preforkd::tls

#endif
