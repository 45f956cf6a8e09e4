#include "common/wire/codec.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <string_view>
#include <type_traits>
#include <utility>

#include "common/base/check.h"
#include "common/wire/byte_io.h"
#include "common/wire/message_type.h"

namespace preforkd {
namespace {

// Fixed-width integers in this machine's byte order: both ends run on it, and one is a fork of the other or
// of the previous program (upgrade).
class Writer {
 public:
  Writer(std::string& out, MessageType type, WireVersion version) : out_(out) {
    PF_CHECK(IsSpoken(version), "an unknown wire version");
    out_.resize(kMessagePrefix);
    PutPrefix(out_.data(), type, version);
  }

  template <typename T>
  requires std::is_trivially_copyable_v<T>
  void Put(const T& value) { out_.append(reinterpret_cast<const char*>(&value), sizeof(T)); }
  void PutBytes(std::string_view bytes) { out_.append(bytes); }

 private:
  std::string& out_;
};

Error Malformed(const char* name) { return Error{fmt::format("malformed {} message", name), 0}; }
Error WrongFd(const char* name, bool wanted) {
  return Error{fmt::format("{} message {}", name, wanted ? "without its descriptor" : "with a descriptor"),
               0};
}

Error SurplusFd() { return Error{"a second descriptor with what is not a connection", 0}; }

// The type of a packet, or why it is not ours.
Result<MessageType> ReadPrefix(ByteReader& reader, WireVersion spoken) {
  const auto magic0 = reader.Get<char>();
  const auto magic1 = reader.Get<char>();
  const auto version = reader.Get<WireVersion>();
  const auto type = reader.Get<MessageType>();
  if (magic0 != kMessageMagic[0] || magic1 != kMessageMagic[1]) return Error{"not a preforkd message", 0};
  if (version != spoken) {
    return Error{fmt::format("wire version {} on a channel of version {}", static_cast<int>(version),
                             static_cast<int>(spoken)),
                 0};
  }
  return type;
}

// ---- parcels ----

std::uint16_t StayMs(Duration stay) {
  const auto whole = std::chrono::duration_cast<std::chrono::milliseconds>(stay).count();
  return static_cast<std::uint16_t>(std::clamp<std::int64_t>(whole, 0, UINT16_MAX));
}

ParcelHead HeadOf(const Parcel& parcel) {
  PF_CHECK(parcel.unread.size() + parcel.context.size() <= kMaxParcelBytes &&
               parcel.tls_state.size() <= kMaxTlsBytes,
           "a parcel is too large to travel");
  ParcelHead head;
  head.id = Raw(parcel.id);
  head.accepted_ns = ToNanoseconds(parcel.accepted_at);
  head.seal = parcel.seal;
  head.requests = parcel.requests;
  head.bytes_in = parcel.bytes_in;
  head.bytes_out = parcel.bytes_out;
  head.journeys = parcel.journeys;
  head.reclaims = static_cast<std::uint16_t>(std::min<std::uint32_t>(parcel.reclaims, UINT16_MAX));
  head.stay_ms = StayMs(parcel.stay);
  head.listener = static_cast<std::uint16_t>(parcel.listener);
  head.service = static_cast<std::uint16_t>(parcel.service);
  head.proxy_header_due = parcel.proxy_header_due ? 1 : 0;
  head.tls = static_cast<std::uint8_t>(parcel.tls);
  head.heavy = parcel.heavy.Valid() ? 1 : 0;
  head.peer_bytes = static_cast<std::uint8_t>(parcel.peer.length);
  head.unread_bytes = static_cast<std::uint32_t>(parcel.unread.size());
  head.context_bytes = static_cast<std::uint32_t>(parcel.context.size());
  head.tls_bytes = static_cast<std::uint16_t>(parcel.tls_state.size());
  return head;
}

void PutParcel(Writer& writer, const ParcelHead& head, const Parcel& parcel) {
  writer.Put(head);
  writer.PutBytes({reinterpret_cast<const char*>(&parcel.peer.storage), parcel.peer.length});
  writer.PutBytes(parcel.unread);
  writer.PutBytes(parcel.context);
  writer.PutBytes({parcel.tls_state.data(), parcel.tls_state.size()});
}

// A head and the data after it, as views into the message.
struct ParcelParts {
  ParcelHead head;
  std::string_view peer;
  std::string_view unread;
  std::string_view context;
  std::string_view tls_state;
};

ParcelParts ReadParcel(ByteReader& reader, WireVersion version) {
  ParcelParts parts;
  parts.head = HeadFrom(reader.Get<ParcelHead>(), version);
  const ParcelHead& head = parts.head;
  const bool lengths_fit = head.peer_bytes <= sizeof(sockaddr_storage) && head.tls_bytes <= kMaxTlsBytes &&
                           head.unread_bytes <= kMaxParcelBytes && head.context_bytes <= kMaxParcelBytes &&
                           head.unread_bytes + head.context_bytes <= kMaxParcelBytes;
  const bool tls_fits = head.tls <= static_cast<std::uint8_t>(kLastTlsStage) &&
                        (head.tls_bytes > 0) == HasSession(TlsStage{head.tls});
  if (!lengths_fit || !tls_fits || head.proxy_header_due > 1) reader.Fail();
  if (head.heavy > 1 || (head.heavy == 1 && head.unread_bytes > 0)) reader.Fail();
  parts.peer = reader.GetBytes(head.peer_bytes);
  parts.unread = reader.GetBytes(head.unread_bytes);
  parts.context = reader.GetBytes(head.context_bytes);
  parts.tls_state = reader.GetBytes(head.tls_bytes);
  return parts;
}

// False if a field is set that only a hand-back has.
bool HasNoReturnFields(const ParcelHead& head, WireVersion version) {
  const bool idle_fits = version >= kRhythmVersion ? head.idle_ns >= 0 : head.idle_ns == 0;
  return head.incarnation == 0 && idle_fits && head.slot == 0 && head.reason == 0 && head.wake_now == 0;
}

Parcel MakeParcel(const ParcelParts& parts, UniqueFd fd, UniqueFd second) {
  Parcel parcel;
  const ParcelHead& head = parts.head;
  parcel.fd = std::move(fd);
  parcel.id = ConnId{head.id};
  parcel.listener = ListenerId{head.listener};
  parcel.service = ServiceId{head.service};
  // Not memcpy: an empty view may be a null pointer, which memcpy forbids even for 0 bytes.
  (void)parts.peer.copy(reinterpret_cast<char*>(&parcel.peer.storage), parts.peer.size());
  parcel.peer.length = head.peer_bytes;
  parcel.accepted_at = FromNanoseconds(head.accepted_ns);
  parcel.proxy_header_due = head.proxy_header_due != 0;
  parcel.tls = TlsStage{head.tls};
  parcel.seal = head.seal;
  parcel.requests = head.requests;
  parcel.bytes_in = head.bytes_in;
  parcel.bytes_out = head.bytes_out;
  parcel.journeys = head.journeys;
  parcel.reclaims = head.reclaims;
  parcel.stay = std::chrono::milliseconds(head.stay_ms);
  parcel.parked_at = FromNanoseconds(head.idle_ns);
  parcel.unread = parts.unread;
  parcel.context = parts.context;
  parcel.tls_state.assign(parts.tls_state.begin(), parts.tls_state.end());
  parcel.heavy = std::move(second);
  return parcel;
}

bool HasItsFile(const ParcelHead& head, const UniqueFd& second) {
  return (head.heavy == 1) == second.Valid();
}

// The checked parts of a hand-over, or why it is invalid.
Result<ParcelParts> ReadHandOver(ByteReader& reader, const UniqueFd& fd, const UniqueFd& second,
                                 WireVersion version) {
  if (!fd.Valid()) return WrongFd("hand-over", true);
  ParcelParts parts = ReadParcel(reader, version);
  if (!reader.Done() || !HasNoReturnFields(parts.head, version) || !HasItsFile(parts.head, second))
    return Malformed("hand-over");
  return parts;
}

Result<WorkerToMaster> ReadHandBack(std::span<const char> bytes, ByteReader& reader, UniqueFd fd,
                                    UniqueFd second, WireVersion version) {
  if (!fd.Valid()) return WrongFd("hand-back", true);
  const ParcelParts parts = ReadParcel(reader, version);
  if (!reader.Done() || parts.head.reason >= kReturnReasons || parts.head.wake_now > 1)
    return Malformed("hand-back");
  if (!HasItsFile(parts.head, second) || parts.head.heavy > parts.head.wake_now)
    return Malformed("hand-back");
  HandedBack message;
  message.id = {Slot{parts.head.slot}, Incarnation{parts.head.incarnation}};
  message.reason = static_cast<ReturnReason>(parts.head.reason);
  message.wake_now = parts.head.wake_now != 0;
  message.idle_left_ns = parts.head.idle_ns;
  message.parcel = PackedParcel(std::move(fd), bytes, std::move(second));
  return WorkerToMaster(std::move(message));
}

// ---- other messages ----

Result<ReopenLog> ReadReopenLog(ByteReader& reader, UniqueFd fd) {
  if (!fd.Valid()) return WrongFd("reopen-log", true);
  ReopenLog message;
  message.incarnation = reader.Get<Incarnation>();
  message.kind = reader.Get<LogKind>();
  if (message.kind < LogKind::kServer || message.kind > LogKind::kAccess) reader.Fail();
  message.sink = reader.Get<log::Sink>();
  if (message.sink > log::kLastSink) reader.Fail();
  message.round = reader.Get<std::uint64_t>();
  if (!reader.Done()) return Malformed("reopen-log");
  message.fd = std::move(fd);
  return message;
}

Status ReadNudge(const ByteReader& reader, const UniqueFd& fd) {
  if (fd.Valid()) return WrongFd("nudge", false);
  if (!reader.Done()) return Malformed("nudge");
  return {};
}

void PutWorkerId(Writer& writer, const WorkerId& id) {
  writer.Put(id.slot);
  writer.Put(id.incarnation);
}

WorkerId GetWorkerId(ByteReader& reader) {
  WorkerId id;
  id.slot = reader.Get<Slot>();
  id.incarnation = reader.Get<Incarnation>();
  return id;
}

template <typename Message>
Result<WorkerToMaster> ReadPlain(ByteReader& reader, const UniqueFd& fd, const char* name) {
  if (fd.Valid()) return WrongFd(name, false);
  Message message;
  message.id = GetWorkerId(reader);
  if constexpr (requires { message.round; }) message.round = reader.Get<std::uint64_t>();
  if (!reader.Done()) return Malformed(name);
  return WorkerToMaster(std::move(message));
}

Error NotForWorker(MessageType type) {
  return Error{fmt::format("message type {} is not for a worker", static_cast<int>(type)), 0};
}

// Decodes a message to a worker; `make` builds the result from the parts of a hand-over.
template <typename Messages, typename Make>
Result<Messages> DecodeToWorker(std::span<const char> bytes, UniqueFd fd, UniqueFd second,
                                WireVersion version, Make make) {
  ByteReader reader(bytes);
  const Result<MessageType> type = ReadPrefix(reader, version);
  if (!type.Ok()) return type.Err();
  if (second.Valid() && type.Value() != MessageType::kHandOver) return SurplusFd();
  switch (type.Value()) {
    case MessageType::kHandOver: {
      const Result<ParcelParts> parts = ReadHandOver(reader, fd, second, version);
      if (!parts.Ok()) return parts.Err();
      return Messages(make(parts.Value(), std::move(fd), std::move(second)));
    }
    case MessageType::kReopenLog: {
      Result<ReopenLog> message = ReadReopenLog(reader, std::move(fd));
      if (!message.Ok()) return message.Err();
      return Messages(std::move(message).Value());
    }
    case MessageType::kNudge: {
      if (const Status status = ReadNudge(reader, fd); !status.Ok()) return status.Err();
      return Messages(Nudge{});
    }
    case MessageType::kReady:
    case MessageType::kReplaceMe:
    case MessageType::kHandBack:
    case MessageType::kLogReopened:
    case MessageType::kThreadFree: break;  // only workers send it
  }
  return NotForWorker(type.Value());
}

}  // namespace

void Encode(const HandOver& message, std::string& out, WireVersion version) {
  Writer writer(out, MessageType::kHandOver, version);
  ParcelHead head = HeadOf(message.parcel);
  head.idle_ns = ToNanoseconds(message.parcel.parked_at);
  PutParcel(writer, HeadFor(head, version), message.parcel);
}

void Encode(const ReopenLog& message, std::string& out, WireVersion version) {
  Writer writer(out, MessageType::kReopenLog, version);
  writer.Put(message.incarnation);
  writer.Put(message.kind);
  writer.Put(message.sink);
  writer.Put(message.round);
}

void Encode(const Nudge&, std::string& out, WireVersion version) {
  Writer(out, MessageType::kNudge, version);
}

void Encode(const Ready& message, std::string& out, WireVersion version) {
  Writer writer(out, MessageType::kReady, version);
  PutWorkerId(writer, message.id);
}

void Encode(const ReplaceMe& message, std::string& out, WireVersion version) {
  Writer writer(out, MessageType::kReplaceMe, version);
  PutWorkerId(writer, message.id);
}

void Encode(const HandBack& message, std::string& out, WireVersion version) {
  Writer writer(out, MessageType::kHandBack, version);
  ParcelHead head = HeadFor(HeadOf(message.parcel), version);
  head.incarnation = Raw(message.id.incarnation);
  head.slot = Raw(message.id.slot);
  head.reason = static_cast<std::uint8_t>(message.reason);
  head.wake_now = message.wake_now ? 1 : 0;
  head.idle_ns = message.idle_left_ns;
  PutParcel(writer, head, message.parcel);
}

void Encode(const LogReopened& message, std::string& out, WireVersion version) {
  Writer writer(out, MessageType::kLogReopened, version);
  PutWorkerId(writer, message.id);
  writer.Put(message.round);
}

void Encode(const ThreadFree& message, std::string& out, WireVersion version) {
  Writer writer(out, MessageType::kThreadFree, version);
  PutWorkerId(writer, message.id);
}

int FdOf(const HandOver& message) { return message.parcel.fd.Get(); }
int FdOf(const ReopenLog& message) { return message.fd.Get(); }
int FdOf(const Nudge&) { return -1; }
int FdOf(const Ready&) { return -1; }
int FdOf(const ReplaceMe&) { return -1; }
int FdOf(const HandBack& message) { return message.parcel.fd.Get(); }
int FdOf(const LogReopened&) { return -1; }
int FdOf(const ThreadFree&) { return -1; }

Result<MasterToWorker> DecodeForWorker(std::span<const char> bytes, UniqueFd fd, WireVersion version,
                                       UniqueFd second) {
  return DecodeToWorker<MasterToWorker>(
      bytes, std::move(fd), std::move(second), version,
      [](const ParcelParts& parts, UniqueFd received, UniqueFd heavy) {
        return HandOver{MakeParcel(parts, std::move(received), std::move(heavy))};
      });
}

Result<Untaken> DecodeUntaken(std::span<const char> bytes, UniqueFd fd, WireVersion version,
                              UniqueFd second) {
  return DecodeToWorker<Untaken>(bytes, std::move(fd), std::move(second), version,
                                 [bytes](const ParcelParts&, UniqueFd received, UniqueFd heavy) {
                                   return PackedParcel(std::move(received), bytes, std::move(heavy));
                                 });
}

std::optional<ConnId> ConnectionIn(std::span<const char> bytes) {
  ByteReader reader(bytes);
  if (reader.Get<char>() != kMessageMagic[0] || reader.Get<char>() != kMessageMagic[1]) return std::nullopt;
  (void)reader.Get<WireVersion>();  // the number has the same place in all of them
  const auto type = reader.Get<MessageType>();
  if (type != MessageType::kHandOver && type != MessageType::kHandBack) return std::nullopt;
  if (bytes.size() < kMessagePrefix + sizeof(ParcelHead)) return std::nullopt;
  return ConnId{reader.Get<std::uint64_t>()};
}

Result<WorkerToMaster> DecodeForMaster(std::span<const char> bytes, UniqueFd fd, WireVersion version,
                                       UniqueFd second) {
  ByteReader reader(bytes);
  const Result<MessageType> type = ReadPrefix(reader, version);
  if (!type.Ok()) return type.Err();
  if (second.Valid() && type.Value() != MessageType::kHandBack) return SurplusFd();
  switch (type.Value()) {
    case MessageType::kReady: return ReadPlain<Ready>(reader, fd, "ready");
    case MessageType::kReplaceMe: return ReadPlain<ReplaceMe>(reader, fd, "replace-me");
    case MessageType::kHandBack:
      return ReadHandBack(bytes, reader, std::move(fd), std::move(second), version);
    case MessageType::kLogReopened: return ReadPlain<LogReopened>(reader, fd, "log-reopened");
    case MessageType::kThreadFree: return ReadPlain<ThreadFree>(reader, fd, "thread-free");
    case MessageType::kHandOver:
    case MessageType::kReopenLog:
    case MessageType::kNudge: break;  // only masters send it
  }
  return Error{fmt::format("message type {} is not for the master", static_cast<int>(type.Value())), 0};
}

}  // namespace preforkd
