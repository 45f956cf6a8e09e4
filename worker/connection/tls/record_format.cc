#include "worker/connection/tls/record_format.h"

#include <algorithm>

namespace preforkd::tls {
namespace {

void PutBigEndian(std::uint64_t value, std::span<std::byte> out) {
  for (std::size_t i = out.size(); i > 0; --i, value >>= 8) out[i - 1] = static_cast<std::byte>(value & 0xff);
}

}  // namespace

const char* NameOf(Alert alert) {
  switch (alert) {
    case Alert::kCloseNotify: return "close_notify";
    case Alert::kUnexpectedMessage: return "unexpected_message";
    case Alert::kBadRecordMac: return "bad_record_mac";
    case Alert::kRecordOverflow: return "record_overflow";
    case Alert::kIllegalParameter: return "illegal_parameter";
    case Alert::kDecodeError: return "decode_error";
    case Alert::kProtocolVersion: return "protocol_version";
    case Alert::kInternalError: return "internal_error";
    case Alert::kUserCanceled: return "user_canceled";
    case Alert::kNoRenegotiation: return "no_renegotiation";
  }
  return "unknown";
}

std::size_t MaxBody(const RecordState& state) {
  return state.version == Version::kTls13 ? kMaxFragment + 256
                                          : kMaxFragment + OverheadOf(state) - kHeaderBytes;
}

std::size_t OverheadOf(const RecordState& state) {
  if (state.version == Version::kTls13) return kHeaderBytes + 1 + kTagBytes;  // 1: the content type
  return kHeaderBytes + kTagBytes + (HasExplicitNonce(state.version, state.suite) ? kExplicitNonceBytes : 0);
}

RecordHeader ParseHeader(std::span<const std::byte> bytes) {
  const auto at = [bytes](std::size_t i) { return std::to_integer<unsigned>(bytes[i]); };
  return {static_cast<ContentType>(at(0)), static_cast<std::uint16_t>(at(1) << 8 | at(2)),
          at(3) << 8 | at(4)};
}

void WriteHeader(const RecordHeader& header, std::byte* out) {
  const std::span<std::byte> bytes(out, kHeaderBytes);
  bytes[0] = static_cast<std::byte>(header.type);
  PutBigEndian(header.version, bytes.subspan(1, 2));
  PutBigEndian(header.length, bytes.subspan(3, 2));
}

std::optional<Alert> JudgeHeader(const RecordState& state, const RecordHeader& header) {
  const bool is_data = header.type == ContentType::kApplicationData;
  if (state.version == Version::kTls13) {
    // Every record is disguised as application data (RFC 8446, 5.2): a plaintext alert or change_cipher_spec
    // has no place behind the handshake. The version is ignored there; the tag covers it.
    if (!is_data) return Alert::kUnexpectedMessage;
  } else {
    if (!is_data && header.type != ContentType::kAlert && header.type != ContentType::kHandshake)
      return Alert::kUnexpectedMessage;
    if (header.version != kWireVersion12) return Alert::kProtocolVersion;
  }
  if (header.length > MaxBody(state)) return Alert::kRecordOverflow;
  return std::nullopt;
}

Nonce MakeNonce(const RecordState& state, const DirectionState& direction,
                std::span<const std::byte> explicit_nonce) {
  Nonce nonce = direction.iv;
  if (HasExplicitNonce(state.version, state.suite)) {
    std::copy(explicit_nonce.begin(), explicit_nonce.end(), nonce.begin() + kSaltBytes);
    return nonce;
  }
  std::array<std::byte, 8> number{};
  PutBigEndian(direction.sequence, number);
  for (std::size_t i = 0; i < number.size(); ++i) nonce[nonce.size() - number.size() + i] ^= number[i];
  return nonce;
}

AdditionalData::AdditionalData(const RecordState& state, std::uint64_t sequence, const RecordHeader& header,
                               std::size_t content) {
  if (state.version == Version::kTls13) {
    WriteHeader(header, bytes_.data());
    size_ = kHeaderBytes;
    return;
  }
  PutBigEndian(sequence, std::span(bytes_).first(8));
  WriteHeader({header.type, header.version, content}, bytes_.data() + 8);
  size_ = bytes_.size();
}

std::uint64_t RekeyAfter(Suite suite, const RecordLimits& limits) {
  const std::uint64_t most =
      suite == Suite::kChaCha20Poly1305 ? std::uint64_t{1} << 62 : std::uint64_t{1} << 23;
  return std::min(most, limits.rekey_after);
}

}  // namespace preforkd::tls
