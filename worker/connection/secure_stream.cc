#include "worker/connection/secure_stream.h"

#include <string.h>  // explicit_bzero
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <utility>

#include "common/base/check.h"
#include "worker/connection/tls/record_reader.h"

namespace preforkd {
namespace {

// Receives without a byte for the session (KeyUpdate, a part of a record) before others get their turn.
constexpr int kReceivesInARow = 4;

// Wipes plaintext of the worker's scratch memory, also if libcrypto throws.
class Wiping {
 public:
  explicit Wiping(std::span<char> bytes) : bytes_(bytes) {}
  Wiping(const Wiping&) = delete;
  Wiping& operator=(const Wiping&) = delete;
  ~Wiping() { ::explicit_bzero(bytes_.data(), bytes_.size()); }

 private:
  std::span<char> bytes_;
};

IoResult Done(std::size_t size) { return {IoResult::Kind::kDone, size, 0}; }
IoResult Again() { return {}; }

}  // namespace

Status SecureStream::Prepare(WorkerEnv& env) {
  if (env.tls != nullptr) return {};
  Result<tls::RecordCrypto> crypto = tls::RecordCrypto::Make();
  if (!crypto.Ok()) return crypto.Err();
  env.tls.reset(new TlsTools{.crypto = std::move(crypto).Value()});
  return {};
}

Result<std::unique_ptr<SecureStream>> SecureStream::Make(WorkerEnv& env, std::span<const char> state) {
  if (const Status status = Prepare(env); !status.Ok()) return status.Err();
  Result<TlsLuggage> luggage = DecodeTls(state);
  if (!luggage.Ok()) return luggage.Err();
  if (luggage.Value().unread.size() > tls::kMaxRecordBytes) return Error{"TLS luggage with too much unread"};
  if (luggage.Value().unsent_plain > env.tls->file.size()) return Error{"TLS luggage with too much unsent"};
  return std::unique_ptr<SecureStream>(new SecureStream(std::move(luggage).Value(), *env.tls));
}

// ---- receiving ----

IoResult SecureStream::Receive(ClientSocket& socket, std::span<char> into) {
  if (!plaintext_.empty()) return TakePlaintext(into);
  if (broken_ == 0 && std::exchange(unread_is_new_, false)) {
    (void)PutUnread();
    const IoResult result = Open(socket, luggage_.unread.size(), into);
    if (result.kind != IoResult::Kind::kAgain) return result;
  }
  for (int i = 0; i < kReceivesInARow; ++i) {
    if (broken_ != 0) return Broken(broken_);
    if (luggage_.state.read_ended) return {IoResult::Kind::kEnd, 0, 0};
    const std::span<char> room = PutUnread();
    const IoResult received = socket.Receive(room);
    if (!received.Done()) return received;
    const IoResult result = Open(socket, luggage_.unread.size() + received.size, into);
    if (result.kind != IoResult::Kind::kAgain) return result;
    if (received.size < room.size()) return Again();
  }
  return Again();  // the watch is level-triggered
}

std::span<char> SecureStream::PutUnread() {
  std::copy(luggage_.unread.begin(), luggage_.unread.end(), tools_.in.begin());
  return std::span(tools_.in).subspan(luggage_.unread.size());
}

IoResult SecureStream::TakePlaintext(std::span<char> into) {
  const std::size_t size = std::min(into.size(), plaintext_.size() - taken_);
  std::memcpy(into.data(), plaintext_.data() + taken_, size);
  taken_ += size;
  if (taken_ == plaintext_.size()) {
    SecretBytes().swap(plaintext_);
    taken_ = 0;
  }
  return Done(size);
}

IoResult SecureStream::Open(ClientSocket& socket, std::size_t size, std::span<char> into) {
  const std::span<char> bytes = std::span(tools_.in).first(size);
  const Wiping wiping(bytes);
  broken_ = EPROTO;  // if something throws
  tls::RecordReader reader(luggage_.state, tools_.crypto);
  const tls::Opened opened = reader.Open(std::as_writable_bytes(bytes));
  IoResult result;
  Deliver(opened.plaintext, into, result);
  const std::span<const char> rest = bytes.subspan(opened.consumed);
  SecretBytes unread;
  if (opened.outcome == tls::Opened::Outcome::kNeedMore) unread.assign(rest.begin(), rest.end());
  luggage_.unread.swap(unread);
  broken_ = 0;
  switch (opened.outcome) {
    case tls::Opened::Outcome::kNeedMore:
      if (luggage_.state.refusal_due && !said_goodbye_) Refuse(socket);
      return result;
    case tls::Opened::Outcome::kClosed: return result.Done() ? result : IoResult{IoResult::Kind::kEnd, 0, 0};
    case tls::Opened::Outcome::kBroken:
      SendAlert(socket, opened.alert);
      broken_ = EPROTO;
      break;
    case tls::Opened::Outcome::kPeerFailed: broken_ = ECONNRESET; break;
  }
  return result.Done() ? result : Broken(broken_);
}

// A client that has asked for a renegotiation waits for the answer.
void SecureStream::Refuse(ClientSocket& socket) {
  tls::RecordWriter writer(luggage_.state, tools_.crypto);
  SendControl(socket, writer.SealOwed(tools_.out));
}

void SecureStream::Deliver(std::span<const std::byte> plaintext, std::span<char> into, IoResult& result) {
  if (plaintext.empty()) return;
  const std::size_t size = std::min(plaintext.size(), into.size());
  std::memcpy(into.data(), plaintext.data(), size);
  result = Done(size);
  const std::span<const std::byte> rest = plaintext.subspan(size);
  const auto* const first = reinterpret_cast<const char*>(rest.data());
  if (!rest.empty()) plaintext_.assign(first, first + rest.size());
}

IoResult SecureStream::Broken(int errnum) {
  broken_ = errnum;
  return {IoResult::Kind::kError, 0, errnum};
}

// ---- sending ----

IoResult SecureStream::Send(ClientSocket& socket, std::string_view bytes, bool more_follows) {
  if (broken_ != 0) return Broken(broken_);
  if (said_goodbye_) return {IoResult::Kind::kError, 0, EPIPE};  // as behind shutdown(2)
  PF_CHECK(luggage_.unsent_plain <= bytes.size(), "a session does not offer again what was not sent");
  if (const IoResult::Kind kind = Flush(socket); kind != IoResult::Kind::kDone)
    return kind == IoResult::Kind::kError ? Broken(broken_) : Again();
  // They are sent now, and the session does not know it yet.
  if (luggage_.unsent_plain > 0) return Done(std::exchange(luggage_.unsent_plain, 0));
  const tls::RecordWriter::Piece piece = std::as_bytes(std::span(bytes));
  tls::RecordWriter writer(luggage_.state, tools_.crypto);
  broken_ = EPROTO;  // if something throws
  const tls::Sealed sealed = writer.Seal(std::span(&piece, 1), tools_.out);
  broken_ = 0;
  if (sealed.exhausted) return Broken(EPROTO);
  return SendSealed(socket, sealed.written, sealed.taken, more_follows || sealed.taken < bytes.size());
}

IoResult SecureStream::SendSealed(ClientSocket& socket, std::size_t size, std::size_t plain,
                                  bool more_follows) {
  const std::string_view records(reinterpret_cast<const char*>(tools_.out.data()), size);
  const IoResult sent = socket.Send(records, more_follows);
  if (sent.kind == IoResult::Kind::kError) return Broken(sent.errnum);
  if (sent.size == size) return Done(plain);
  // The keys have moved on: these records must be sent, whatever happens, before any other.
  Keep(records.substr(sent.size));
  luggage_.unsent_plain = static_cast<std::uint32_t>(plain);
  return Again();
}

IoResult SecureStream::SendFile(ClientSocket& socket, int file, off_t& offset, std::size_t count) {
  // What is unsent is the beginning of this file: the session sent all that came before it.
  const std::size_t wanted = std::min(count, tools_.file.size());
  ssize_t size = 0;
  if (luggage_.unsent_plain > 0) {
    size = luggage_.unsent_plain;  // its records exist; Send looks at no byte of it
  } else {
    do {
      size = ::pread(file, tools_.file.data(), wanted, offset);
    } while (size < 0 && errno == EINTR);
    if (size < 0) return {IoResult::Kind::kError, 0, errno};
    if (size == 0) return {IoResult::Kind::kEnd, 0, 0};
  }
  const auto read = static_cast<std::size_t>(size);
  const IoResult result = Send(socket, {tools_.file.data(), read}, read < count);
  offset += static_cast<off_t>(result.size);
  return result;
}

IoResult::Kind SecureStream::Flush(ClientSocket& socket) {
  while (HasUnsent()) {
    const IoResult sent = socket.Send({luggage_.unsent.data(), luggage_.unsent.size()}, false);
    if (sent.kind == IoResult::Kind::kError) {
      (void)Broken(sent.errnum);
      SecretBytes().swap(luggage_.unsent);  // or the watch would report the socket for ever
      return sent.kind;
    }
    if (!sent.Done()) return IoResult::Kind::kAgain;
    luggage_.unsent.erase(luggage_.unsent.begin(),
                          luggage_.unsent.begin() + static_cast<std::ptrdiff_t>(sent.size));
  }
  if (luggage_.unsent.capacity() > 0) SecretBytes().swap(luggage_.unsent);
  return IoResult::Kind::kDone;
}

void SecureStream::SendControl(ClientSocket& socket, std::size_t size, bool more_follows) {
  std::string_view records(reinterpret_cast<const char*>(tools_.out.data()), size);
  if (records.empty()) return;
  if (!HasUnsent()) {
    const IoResult sent = socket.Send(records, more_follows);
    if (sent.kind == IoResult::Kind::kError) return (void)Broken(sent.errnum);
    records.remove_prefix(sent.size);
  }
  Keep(records);
}

void SecureStream::Keep(std::string_view records) {
  const int before = std::exchange(broken_, ENOMEM);  // if there is no memory: a record would be missing
  luggage_.unsent.insert(luggage_.unsent.end(), records.begin(), records.end());
  broken_ = before;
}

void SecureStream::SendAlert(ClientSocket& socket, tls::Alert alert, bool end_follows) {
  if (std::exchange(said_goodbye_, true)) return;
  tls::RecordWriter writer(luggage_.state, tools_.crypto);
  SendControl(socket, writer.SealAlert(alert, tools_.out), end_follows);
}

void SecureStream::SayGoodbye(ClientSocket& socket) noexcept {
  if (broken_ != 0 || HasUnsent()) return;  // the client sees that the answer was cut off
  try {
    // The caller closes at once, both ways or ours: answer, goodbye and FIN share a segment.
    SendAlert(socket, tls::Alert::kCloseNotify, true);
  } catch (const std::exception&) {
    broken_ = ENOMEM;  // libcrypto's, or ours: it ends without
  }
}

// ---- travelling ----

bool SecureStream::CanTravel() const {
  return broken_ == 0 && !said_goodbye_ && plaintext_.empty() && EncodedBytes(luggage_) <= kMaxTlsBytes;
}

}  // namespace preforkd
