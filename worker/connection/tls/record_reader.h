// RecordReader: the reading half of the record layer: opens the records that a client has sent behind its
// handshake.
//
// A view for one callback: it borrows the session's RecordState and the process's RecordCrypto, and keeps
// nothing itself. It never reads a socket, never answers: what must be sent is a flag in the state
// (RecordWriter::Owes) or an alert in the result. Nothing is allocated.
//
// It is the server's half: behind the handshake a TLS 1.3 client may send application data, KeyUpdate and
// alerts; a TLS 1.2 client also a ClientHello, to renegotiate, which is skipped and refused.
#ifndef PREFORKD_WORKER_CONNECTION_TLS_RECORD_READER_H_
#define PREFORKD_WORKER_CONNECTION_TLS_RECORD_READER_H_

#include <cstddef>
#include <optional>
#include <span>

#include "common/tls/record_state.h"
#include "worker/connection/tls/record_crypto.h"
#include "worker/connection/tls/record_format.h"

namespace preforkd::tls {

struct Opened {
  enum class Outcome {
    kNeedMore,    // all whole records were opened
    kClosed,      // the client's close_notify came: it sends nothing more, and we may still answer
    kBroken,      // send `alert` (RecordWriter::SealAlert), then close; the session cannot go on
    kPeerFailed,  // the client's fatal alert came, which is `alert`: close, and send nothing
  };
  Outcome outcome = Outcome::kNeedMore;
  // What the client sent before that, in one piece, within the memory that was given; valid in each outcome.
  // At most 2^14 bytes for each record.
  std::span<std::byte> plaintext;
  // Bytes that were used. Those behind are a part of one record, at most kMaxRecordBytes - 1: unread bytes,
  // which must come again, in front of what is received next. Unless the outcome is kNeedMore they mean
  // nothing any more.
  std::size_t consumed = 0;
  // Whole size of that record, at most kMaxRecordBytes; 0: not known yet.
  std::size_t awaited = 0;
  Alert alert{};
};

class RecordReader {
 public:
  // All must outlive it. Precondition: IsUsable(state).
  RecordReader(RecordState& state, RecordCrypto& crypto) : state_(state), crypto_(crypto) {}

  // Opens all whole records in `bytes`, in place: their memory holds plaintext afterwards, and what of it was
  // not used must not be given again. Behind close_notify everything is ignored (RFC 8446, 6.1). Throws
  // std::runtime_error if libcrypto has no memory; then the session cannot go on.
  Opened Open(std::span<std::byte> bytes);

 private:
  struct Content {
    ContentType type{};
    std::span<std::byte> bytes;
  };
  // Why reading ends. Unset: it goes on.
  using Verdict = std::optional<Alert>;

  bool OpenNext(std::span<std::byte> bytes, Opened& opened);
  Verdict Unprotect(const RecordHeader& header, std::span<std::byte> record, Content& content);
  bool Decrypt(const RecordHeader& header, std::span<std::byte> record, Content& content);
  static Verdict StripPadding(Content& content);
  Verdict Judge(const Content& content, Opened& opened);
  Verdict TakeData(const Content& content, Opened& opened);
  Verdict TakeAlert(const Content& content, Opened& opened);
  Verdict TakeAlert12(std::byte level, Alert alert, Opened& opened);
  Verdict TakeKeyUpdate(const Content& content);
  Verdict EndKeyUpdate(std::byte value, bool ends_record);
  Verdict SkipClientHello(const Content& content);
  Verdict CountDataless();

  RecordState& state_;
  RecordCrypto& crypto_;
  bool keyed_ = false;
};

}  // namespace preforkd::tls

#endif
