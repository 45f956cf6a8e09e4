#include "worker/connection/tls/record_reader.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace preforkd::tls {
namespace {

using Outcome = Opened::Outcome;

constexpr std::uint8_t kMessageHeader = 4;  // type, and three bytes of length
constexpr std::array<std::byte, kMessageHeader> kKeyUpdateHeader{std::byte{24}, std::byte{0}, std::byte{0},
                                                                 std::byte{1}};
constexpr std::byte kUpdateRequested{1};
constexpr std::byte kClientHello{1};
constexpr std::byte kWarning{1};
constexpr std::byte kFatal{2};

void End(Opened& opened, Outcome outcome, Alert alert) {
  opened.outcome = outcome;
  opened.alert = alert;
}

}  // namespace

Opened RecordReader::Open(std::span<std::byte> bytes) {
  Opened opened;
  opened.plaintext = bytes.first(0);
  if (state_.read_ended) {
    End(opened, Outcome::kClosed, Alert::kCloseNotify);
    opened.consumed = bytes.size();
    return opened;
  }
  keyed_ = false;
  const Forgetting forgetting(crypto_.aead);
  while (opened.outcome == Outcome::kNeedMore && OpenNext(bytes, opened)) {
  }
  return opened;
}

// False if there is no whole record.
bool RecordReader::OpenNext(std::span<std::byte> bytes, Opened& opened) {
  const std::span<std::byte> rest = bytes.subspan(opened.consumed);
  opened.awaited = 0;
  if (rest.size() < kHeaderBytes) return false;
  const RecordHeader header = ParseHeader(rest);
  // Before its body is waited for: a length that is not allowed would make us buffer it.
  Verdict verdict = JudgeHeader(state_, header);
  if (!verdict) {
    opened.awaited = kHeaderBytes + header.length;
    if (rest.size() < opened.awaited) return false;
    Content content;
    verdict = Unprotect(header, rest.first(opened.awaited), content);
    if (!verdict) verdict = Judge(content, opened);
    opened.consumed += opened.awaited;
    opened.awaited = 0;
  }
  if (verdict) End(opened, Outcome::kBroken, *verdict);
  return true;
}

RecordReader::Verdict RecordReader::Unprotect(const RecordHeader& header, std::span<std::byte> record,
                                              Content& content) {
  // Numbers must not wrap (RFC 8446, 5.3). 2^64 records never come; a number that was invented may be near.
  if (state_.read.sequence == UINT64_MAX) return Alert::kInternalError;
  if (!Decrypt(header, record, content)) return Alert::kBadRecordMac;
  ++state_.read.sequence;
  // TLS 1.2: the header's limit is that of the content.
  return state_.version == Version::kTls13 ? StripPadding(content) : std::nullopt;
}

bool RecordReader::Decrypt(const RecordHeader& header, std::span<std::byte> record, Content& content) {
  std::span<std::byte> sealed = record.subspan(kHeaderBytes);
  std::span<std::byte> explicit_nonce;
  if (HasExplicitNonce(state_.version, state_.suite)) {
    if (sealed.size() < kExplicitNonceBytes) return false;
    explicit_nonce = sealed.first(kExplicitNonceBytes);
    sealed = sealed.subspan(kExplicitNonceBytes);
  }
  if (sealed.size() < kTagBytes) return false;
  if (!keyed_) {
    crypto_.aead.SetOpeningKey(state_.suite, std::span(state_.read.key).first(KeyBytes(state_.suite)));
    keyed_ = true;
  }
  content.type = header.type;
  content.bytes = sealed.first(sealed.size() - kTagBytes);
  const AdditionalData additional(state_, state_.read.sequence, header, content.bytes.size());
  return crypto_.aead.Open(MakeNonce(state_, state_.read, explicit_nonce), additional.Bytes(), sealed);
}

// TLS 1.3: the last byte that is not zero is the content type (RFC 8446, 5.4).
RecordReader::Verdict RecordReader::StripPadding(Content& content) {
  if (content.bytes.size() > kMaxFragment + 1) return Alert::kRecordOverflow;
  const auto type = std::find_if(content.bytes.rbegin(), content.bytes.rend(),
                                 [](std::byte byte) { return byte != std::byte{0}; });
  if (type == content.bytes.rend()) return Alert::kUnexpectedMessage;
  content.type = static_cast<ContentType>(*type);
  content.bytes = content.bytes.first(static_cast<std::size_t>(content.bytes.rend() - type) - 1);
  return std::nullopt;
}

RecordReader::Verdict RecordReader::Judge(const Content& content, Opened& opened) {
  const bool is_13 = state_.version == Version::kTls13;
  // TLS 1.3: nothing may come between the parts of a message (RFC 8446, 5.1).
  if (is_13 && state_.pending.header > 0 && content.type != ContentType::kHandshake)
    return Alert::kUnexpectedMessage;
  if (content.type == ContentType::kApplicationData) return TakeData(content, opened);
  // Only application data may be empty (RFC 8446, 5.4; RFC 5246, 6.2.1).
  if (content.bytes.empty()) return Alert::kUnexpectedMessage;
  switch (content.type) {
    case ContentType::kAlert: return TakeAlert(content, opened);
    case ContentType::kHandshake: return is_13 ? TakeKeyUpdate(content) : SkipClientHello(content);
    default: return Alert::kUnexpectedMessage;
  }
}

RecordReader::Verdict RecordReader::TakeData(const Content& content, Opened& opened) {
  if (content.bytes.empty()) return CountDataless();
  state_.dataless = 0;
  if (opened.plaintext.empty()) {
    opened.plaintext = content.bytes;
    return std::nullopt;
  }
  // Behind what the records before had. The first record, which is most often the only one, is not moved.
  std::byte* const end = opened.plaintext.data() + opened.plaintext.size();
  std::memmove(end, content.bytes.data(), content.bytes.size());
  opened.plaintext = {opened.plaintext.data(), opened.plaintext.size() + content.bytes.size()};
  return std::nullopt;
}

RecordReader::Verdict RecordReader::TakeAlert(const Content& content, Opened& opened) {
  if (content.bytes.size() != 2) return Alert::kDecodeError;
  const auto alert = static_cast<Alert>(content.bytes[1]);
  if (alert == Alert::kCloseNotify) {
    state_.read_ended = true;
    state_.pending = {};
    End(opened, Outcome::kClosed, alert);
    return std::nullopt;
  }
  if (state_.version == Version::kTls12) return TakeAlert12(content.bytes[0], alert, opened);
  // The level says nothing: all but these two are errors (RFC 8446, 6).
  if (alert == Alert::kUserCanceled) return CountDataless();
  End(opened, Outcome::kPeerFailed, alert);
  return std::nullopt;
}

RecordReader::Verdict RecordReader::TakeAlert12(std::byte level, Alert alert, Opened& opened) {
  if (level == kWarning) return CountDataless();
  if (level != kFatal) return Alert::kIllegalParameter;
  End(opened, Outcome::kPeerFailed, alert);
  return std::nullopt;
}

// Byte by byte: a client may split the message over records (RFC 8446, 5.1).
RecordReader::Verdict RecordReader::TakeKeyUpdate(const Content& content) {
  PendingMessage& pending = state_.pending;
  for (std::size_t i = 0; i < content.bytes.size(); ++i) {
    const std::byte byte = content.bytes[i];
    if (pending.header == kMessageHeader) {
      if (const Verdict verdict = EndKeyUpdate(byte, i + 1 == content.bytes.size())) return verdict;
    } else if (byte != kKeyUpdateHeader[pending.header]) {
      return pending.header == 0 ? Alert::kUnexpectedMessage : Alert::kDecodeError;
    } else if (++pending.header == kMessageHeader) {
      pending.body = 1;
    }
  }
  return CountDataless();
}

RecordReader::Verdict RecordReader::EndKeyUpdate(std::byte value, bool ends_record) {
  if (value > kUpdateRequested) return Alert::kIllegalParameter;
  // What follows in the record would be under the key that has just ended (RFC 8446, 5.1).
  if (!ends_record) return Alert::kUnexpectedMessage;
  state_.pending = {};
  state_.update_asked = false;
  // One answer is enough for several that came while we sent nothing (RFC 8446, 4.6.3).
  if (value == kUpdateRequested) state_.update_due = true;
  crypto_.schedule.Update(state_.suite, state_.read);
  keyed_ = false;
  return std::nullopt;
}

// The hello is not looked at: whatever it offers, the answer is the warning no_renegotiation (RFC
// 5246, 7.2.2).
RecordReader::Verdict RecordReader::SkipClientHello(const Content& content) {
  PendingMessage& pending = state_.pending;
  for (std::size_t i = 0; i < content.bytes.size();) {
    if (pending.header < kMessageHeader) {
      const std::byte byte = content.bytes[i++];
      if (pending.header == 0 && byte != kClientHello) return Alert::kUnexpectedMessage;
      if (pending.header > 0) pending.body = pending.body << 8 | std::to_integer<std::uint32_t>(byte);
      ++pending.header;
    } else {
      const std::size_t skipped = std::min<std::size_t>(pending.body, content.bytes.size() - i);
      pending.body -= static_cast<std::uint32_t>(skipped);
      i += skipped;
    }
    if (pending.header < kMessageHeader || pending.body > 0) continue;
    pending = {};
    state_.refusal_due = true;
  }
  return CountDataless();
}

RecordReader::Verdict RecordReader::CountDataless() {
  if (state_.dataless == kMaxDataless) return Alert::kUnexpectedMessage;
  ++state_.dataless;
  return std::nullopt;
}

}  // namespace preforkd::tls
