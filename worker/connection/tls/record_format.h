// The bytes of a TLS record: header, limits, nonce, additional data, content types and alerts. RFC 8446, 5
// and 6; RFC 5246, 6.2 and 7.2; RFC 5288; RFC 7905. Pure.
#ifndef PREFORKD_WORKER_CONNECTION_TLS_RECORD_FORMAT_H_
#define PREFORKD_WORKER_CONNECTION_TLS_RECORD_FORMAT_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "common/tls/record_state.h"
#include "worker/connection/tls/aead.h"

namespace preforkd::tls {

enum class ContentType : std::uint8_t {
  kChangeCipherSpec = 20,
  kAlert = 21,
  kHandshake = 22,
  kApplicationData = 23,
};

// Those that we send or judge; a peer's alert may have any value.
enum class Alert : std::uint8_t {
  kCloseNotify = 0,
  kUnexpectedMessage = 10,
  kBadRecordMac = 20,
  kRecordOverflow = 22,
  kIllegalParameter = 47,
  kDecodeError = 50,
  kProtocolVersion = 70,
  kInternalError = 80,
  kUserCanceled = 90,
  kNoRenegotiation = 100,
};

// As the RFC spells it, such as "bad_record_mac"; "unknown" for the others. For the log.
const char* NameOf(Alert alert);

inline constexpr std::size_t kHeaderBytes = 5;
inline constexpr std::size_t kExplicitNonceBytes = 8;

// The most bytes behind a header: 2^14 + 256 (RFC 8446, 5.2). In TLS 1.2 no more than the AEAD adds to a full
// fragment; RFC 5246, 6.2.3 allows more bytes, which none of our suites can use.
std::size_t MaxBody(const RecordState& state);
// A whole record of any session fits into so many bytes.
inline constexpr std::size_t kMaxRecordBytes = kHeaderBytes + kMaxFragment + 256;

// Bytes by which a record is longer than its content: 22 (1.3), 29 (1.2, GCM), 21 (1.2, ChaCha20). Without
// padding.
std::size_t OverheadOf(const RecordState& state);
inline constexpr std::size_t kMaxOverhead = kHeaderBytes + kExplicitNonceBytes + kTagBytes;

struct RecordHeader {
  ContentType type{};  // any byte
  std::uint16_t version = 0;
  std::size_t length = 0;  // of what follows
};

// Precondition: kHeaderBytes bytes at least.
RecordHeader ParseHeader(std::span<const std::byte> bytes);
void WriteHeader(const RecordHeader& header, std::byte* out);

inline constexpr std::uint16_t kWireVersion12 = 0x0303;  // TLS 1.3 has it in its records too

// The alert for a header that no record of this session can have; unset: wait for the rest of the record.
std::optional<Alert> JudgeHeader(const RecordState& state, const RecordHeader& header);

// The nonce of the record with the direction's number. `explicit_nonce`: the eight bytes in the record, if
// HasExplicitNonce, else ignored.
Nonce MakeNonce(const RecordState& state, const DirectionState& direction,
                std::span<const std::byte> explicit_nonce);

// TLS 1.3: the header of the record (RFC 8446, 5.2). TLS 1.2: number, type, version and length of the content
// (RFC 5246, 6.2.3.3).
class AdditionalData {
 public:
  // `content`: bytes of the plaintext in TLS 1.2; TLS 1.3 takes header.length.
  AdditionalData(const RecordState& state, std::uint64_t sequence, const RecordHeader& header,
                 std::size_t content);
  [[nodiscard]] std::span<const std::byte> Bytes() const { return std::span(bytes_).first(size_); }

 private:
  std::array<std::byte, 8 + kHeaderBytes> bytes_{};
  std::size_t size_ = 0;
};

// Numbers at which keys are changed, and which a test can set lower.
struct RecordLimits {
  // Records under one key; the suite's own limit if that is lower.
  std::uint64_t rekey_after = UINT64_MAX;
};

// Records after which a key of TLS 1.3 is changed. AES-GCM: 2^23, below the 2^24.5 of RFC 8446, 5.5.
// ChaCha20: 2^62, so that a number never wraps.
std::uint64_t RekeyAfter(Suite suite, const RecordLimits& limits);

}  // namespace preforkd::tls

#endif
