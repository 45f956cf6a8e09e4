// RecordWriter: the writing half of the record layer: seals answers, alerts, and what the session owes its
// peer.
//
// A view for one callback, like RecordReader: it borrows the session's RecordState and the process's
// RecordCrypto. It never writes to a socket. What it has sealed must be sent, all of it and in order: a
// record that gets lost breaks the session. Nothing is allocated.
#ifndef PREFORKD_WORKER_CONNECTION_TLS_RECORD_WRITER_H_
#define PREFORKD_WORKER_CONNECTION_TLS_RECORD_WRITER_H_

#include <cstddef>
#include <span>

#include "common/tls/record_state.h"
#include "worker/connection/tls/record_crypto.h"
#include "worker/connection/tls/record_format.h"

namespace preforkd::tls {

// All that SealOwed, SealAlert or SealCloseNotify writes.
inline constexpr std::size_t kMaxOwedBytes = kMaxOverhead + 5;
// A full record, and what may be owed before it: an answer and a question. Seal needs room for so many bytes
// at least; several records in one call are worth it for a large answer.
inline constexpr std::size_t kMinSealBuffer = kMaxFragment + kMaxOverhead + 2 * kMaxOwedBytes;

struct Sealed {
  std::size_t taken = 0;    // bytes of plaintext, from the beginning
  std::size_t written = 0;  // bytes of records
  // TLS 1.2: no number is left for another record (2^64 have been sent). Send what was written, an alert
  // internal_error, and close.
  bool exhausted = false;
};

class RecordWriter {
 public:
  using Piece = std::span<const std::byte>;

  // All must outlive it. Precondition: IsUsable(state).
  RecordWriter(RecordState& state, RecordCrypto& crypto, RecordLimits limits = {})
      : state_(state), crypto_(crypto), limits_(limits) {}

  // All functions that seal throw std::runtime_error if libcrypto has no memory; then the session cannot go
  // on.

  // Seals the pieces as one text, as many whole records as `out` has room for: full ones (max_fragment), the
  // last with the rest. What is owed goes before. Precondition: `out` has kMinSealBuffer bytes at least and
  // does not overlap the pieces. Always takes something, unless there is nothing or no number is left.
  Sealed Seal(std::span<const Piece> pieces, std::span<std::byte> out);

  // True if the peer waits for something that Seal and SealOwed send: the answer to a KeyUpdate (it may wait
  // for the next answer, RFC 8446, 4.6.3), the refusal of a renegotiation (send it at once: an OpenSSL client
  // does nothing before it).
  [[nodiscard]] bool Owes() const { return state_.update_due || state_.refusal_due; }

  // Seals what is owed; returns the bytes written, 0 if nothing is. Precondition: room for kMaxOwedBytes.
  std::size_t SealOwed(std::span<std::byte> out);

  // Seals an alert, with its right level; behind it nothing may be sealed but, after a warning, close_notify.
  // Returns the bytes written; 0 if no number is left. Precondition: room for kMaxOwedBytes.
  std::size_t SealAlert(Alert alert, std::span<std::byte> out);
  std::size_t SealCloseNotify(std::span<std::byte> out) { return SealAlert(Alert::kCloseNotify, out); }

 private:
  enum class Owed { kNothing, kUpdate, kUpdateAndAsk, kRefusal };

  [[nodiscard]] Owed OwedNow() const;
  [[nodiscard]] Owed OwedBeforeData() const;
  [[nodiscard]] bool HasNumber(bool for_data) const;
  void SetKey();
  std::size_t Pay(Owed owed, std::byte* out);
  std::size_t SealKeyUpdate(bool asks, std::byte* out);

  class TextCursor;
  std::size_t SealRecord(ContentType type, TextCursor& text, std::size_t size, std::byte* out);
  void UseNumber();
  std::size_t SealShort(ContentType type, Piece content, std::byte* out);

  RecordState& state_;
  RecordCrypto& crypto_;
  RecordLimits limits_;
};

}  // namespace preforkd::tls

#endif
