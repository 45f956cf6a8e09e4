#include "worker/connection/tls/record_writer.h"

#include <algorithm>
#include <array>

#include "common/base/check.h"

namespace preforkd::tls {
namespace {

constexpr std::byte kWarning{1};
constexpr std::byte kFatal{2};

std::byte LevelOf(Alert alert) {
  const bool is_warning =
      alert == Alert::kCloseNotify || alert == Alert::kUserCanceled || alert == Alert::kNoRenegotiation;
  return is_warning ? kWarning : kFatal;
}

}  // namespace

// Where the next byte of several pieces is.
class RecordWriter::TextCursor {
 public:
  explicit TextCursor(std::span<const Piece> pieces) : pieces_(pieces) {
    for (const Piece piece : pieces) left_ += piece.size();
  }

  [[nodiscard]] std::size_t Left() const { return left_; }

  // The next bytes that lie in one piece, at most `most`. Precondition: 0 < most <= Left().
  Piece Take(std::size_t most) {
    while (offset_ == pieces_.front().size()) {
      pieces_ = pieces_.subspan(1);
      offset_ = 0;
    }
    const Piece part = pieces_.front().subspan(offset_, std::min(most, pieces_.front().size() - offset_));
    offset_ += part.size();
    left_ -= part.size();
    return part;
  }

 private:
  std::span<const Piece> pieces_;
  std::size_t offset_ = 0;  // in the first of them
  std::size_t left_ = 0;
};

Sealed RecordWriter::Seal(std::span<const Piece> pieces, std::span<std::byte> out) {
  PF_CHECK(out.size() >= kMinSealBuffer, "no room for a record");
  Sealed sealed;
  TextCursor text(pieces);
  const std::size_t whole = text.Left();
  const Forgetting forgetting(crypto_.aead);
  SetKey();
  sealed.written = Pay(OwedNow(), out.data());
  while (text.Left() > 0) {
    const Owed owed = OwedBeforeData();
    const std::size_t size = std::min<std::size_t>(text.Left(), state_.max_fragment);
    const std::size_t needed = size + OverheadOf(state_) + (owed == Owed::kNothing ? 0 : kMaxOwedBytes);
    if (needed > out.size() - sealed.written) break;
    sealed.exhausted = !HasNumber(true);
    if (sealed.exhausted) break;
    sealed.written += Pay(owed, out.data() + sealed.written);
    sealed.written += SealRecord(ContentType::kApplicationData, text, size, out.data() + sealed.written);
  }
  sealed.taken = whole - text.Left();
  return sealed;
}

std::size_t RecordWriter::SealOwed(std::span<std::byte> out) {
  PF_CHECK(out.size() >= kMaxOwedBytes, "no room for a record");
  if (!Owes()) return 0;
  const Forgetting forgetting(crypto_.aead);
  SetKey();
  return Pay(OwedNow(), out.data());
}

std::size_t RecordWriter::SealAlert(Alert alert, std::span<std::byte> out) {
  PF_CHECK(out.size() >= kMaxOwedBytes, "no room for a record");
  if (!HasNumber(false)) return 0;
  const Forgetting forgetting(crypto_.aead);
  SetKey();
  const std::array<std::byte, 2> content{LevelOf(alert), static_cast<std::byte>(alert)};
  return SealShort(ContentType::kAlert, content, out.data());
}

RecordWriter::Owed RecordWriter::OwedNow() const {
  if (state_.update_due) return Owed::kUpdate;
  return state_.refusal_due ? Owed::kRefusal : Owed::kNothing;
}

// Also the KeyUpdates of our own, at the limit of an AEAD (RFC 8446, 5.5): for what we send, and for what the
// peer sends, which only it can change.
RecordWriter::Owed RecordWriter::OwedBeforeData() const {
  if (state_.version == Version::kTls12) return OwedNow();
  const std::uint64_t limit = RekeyAfter(state_.suite, limits_);
  if (state_.read.sequence >= limit && !state_.update_asked && !state_.read_ended) return Owed::kUpdateAndAsk;
  return state_.write.sequence >= limit ? Owed::kUpdate : OwedNow();
}

// One number is kept back for an alert, and the last is never used.
bool RecordWriter::HasNumber(bool for_data) const {
  return state_.write.sequence < UINT64_MAX - (for_data ? 1 : 0);
}

void RecordWriter::SetKey() {
  crypto_.aead.SetSealingKey(state_.suite, std::span(state_.write.key).first(KeyBytes(state_.suite)));
}

std::size_t RecordWriter::Pay(Owed owed, std::byte* out) {
  switch (owed) {
    case Owed::kNothing: return 0;
    case Owed::kUpdate: return SealKeyUpdate(false, out);
    case Owed::kUpdateAndAsk: return SealKeyUpdate(true, out);
    case Owed::kRefusal: break;
  }
  state_.refusal_due = false;
  if (!HasNumber(true)) return 0;
  const std::array<std::byte, 2> content{kWarning, static_cast<std::byte>(Alert::kNoRenegotiation)};
  return SealShort(ContentType::kAlert, content, out);
}

// Under the old key; what follows is under the new one (RFC 8446, 4.6.3). Any of ours answers what the peer
// asked for.
std::size_t RecordWriter::SealKeyUpdate(bool asks, std::byte* out) {
  state_.update_due = false;
  if (!HasNumber(false)) return 0;
  const std::array<std::byte, 5> message{std::byte{24}, std::byte{0}, std::byte{0}, std::byte{1},
                                         asks ? std::byte{1} : std::byte{0}};
  const std::size_t written = SealShort(ContentType::kHandshake, message, out);
  crypto_.schedule.Update(state_.suite, state_.write);
  SetKey();
  if (asks) state_.update_asked = true;
  return written;
}

std::size_t RecordWriter::SealShort(ContentType type, Piece content, std::byte* out) {
  TextCursor text(std::span(&content, 1));
  return SealRecord(type, text, content.size(), out);
}

// Precondition: the key is set, the number may be used, `out` has room, and 0 < size <= 2^14.
std::size_t RecordWriter::SealRecord(ContentType type, TextCursor& text, std::size_t size, std::byte* out) {
  const bool is_13 = state_.version == Version::kTls13;
  const std::size_t record = size + OverheadOf(state_);
  const RecordHeader header{is_13 ? ContentType::kApplicationData : type, kWireVersion12,
                            record - kHeaderBytes};
  WriteHeader(header, out);
  std::byte* place = out + kHeaderBytes;
  std::span<const std::byte> explicit_nonce;
  if (HasExplicitNonce(state_.version, state_.suite)) {
    explicit_nonce = std::span(state_.write.iv).subspan(kSaltBytes);
    place = std::copy(explicit_nonce.begin(), explicit_nonce.end(), place);
  }
  const AdditionalData additional(state_, state_.write.sequence, header, size);
  crypto_.aead.BeginSealing(MakeNonce(state_, state_.write, explicit_nonce), additional.Bytes());
  for (std::size_t left = size; left > 0;) {
    const Piece part = text.Take(left);
    crypto_.aead.Add(part, place);
    place += part.size();
    left -= part.size();
  }
  if (is_13) {
    const std::byte inner = static_cast<std::byte>(type);
    crypto_.aead.Add({&inner, 1}, place++);
  }
  crypto_.aead.FinishSealing(std::span<std::byte, kTagBytes>(place, kTagBytes));
  UseNumber();
  return record;
}

void RecordWriter::UseNumber() {
  ++state_.write.sequence;
  if (!HasExplicitNonce(state_.version, state_.suite)) return;
  // Big-endian, and it may wrap: it began anywhere.
  const std::span<std::byte> nonce = std::span(state_.write.iv).subspan(kSaltBytes);
  for (std::size_t i = nonce.size(); i > 0; --i) {
    nonce[i - 1] = static_cast<std::byte>(std::to_integer<unsigned>(nonce[i - 1]) + 1);
    if (nonce[i - 1] != std::byte{0}) return;
  }
}

}  // namespace preforkd::tls
