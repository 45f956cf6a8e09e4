#include "common/wire/codec.h"

#include <fmt/core.h>

#include <cstring>
#include <limits>
#include <string_view>

namespace preforkd {
namespace {

// First four bytes of every packet: 'P' 'F' version type.
constexpr char kMagic[2] = {'P', 'F'};

enum class Type : std::uint8_t {
  kHandOver = 1,
  kReopenLog = 2,
  kNudge = 3,
  kReady = 16,
  kReplaceMe = 17,
  kHandBack = 18,
  kLogReopened = 19,
};

// Fixed-width integers in the byte order of this machine: both ends are on it, and one is a fork of the other
// or (upgrade) of its successor.
class Writer {
 public:
  Writer(std::string& out, Type type, std::uint8_t version) : out_(out) {
    PF_CHECK(version >= kOldestWireVersion && version <= kWireVersion, "a wire version that nobody speaks");
    out_.clear();
    out_.append(kMagic, sizeof(kMagic));
    Put(version);
    Put(type);
  }

  template <typename T>
    requires std::is_trivially_copyable_v<T>
  void Put(T value) {
    char bytes[sizeof(T)];
    std::memcpy(bytes, &value, sizeof(T));
    out_.append(bytes, sizeof(T));
  }

  void PutBytes(std::string_view bytes) {
    PF_CHECK(bytes.size() <= kMaxMessageBytes, "a field longer than a message");
    Put(static_cast<std::uint32_t>(bytes.size()));
    out_.append(bytes);
  }

 private:
  std::string& out_;
};

// Every Get is total: past the end it yields zero and remembers that it failed; Done() is the verdict.
class Reader {
 public:
  explicit Reader(std::span<const char> bytes) : bytes_(bytes) {}

  template <typename T>
    requires std::is_trivially_copyable_v<T>
  T Get() {
    T value{};
    if (bytes_.size() < sizeof(T)) {
      Fail();
      return value;
    }
    std::memcpy(&value, bytes_.data(), sizeof(T));
    bytes_ = bytes_.subspan(sizeof(T));
    return value;
  }

  bool GetBool() {
    const auto byte = Get<std::uint8_t>();
    if (byte > 1) Fail();
    return byte == 1;
  }

  std::string_view GetBytes(std::size_t limit) {
    const auto size = Get<std::uint32_t>();
    if (size > limit || size > bytes_.size()) {
      Fail();
      return {};
    }
    const std::string_view view(bytes_.data(), size);
    bytes_ = bytes_.subspan(size);
    return view;
  }

  void Fail() { failed_ = true; }
  // Nothing failed and nothing is left over.
  [[nodiscard]] bool Done() const { return !failed_ && bytes_.empty(); }

 private:
  std::span<const char> bytes_;
  bool failed_ = false;
};

void PutWorkerId(Writer& writer, const WorkerId& id) {
  writer.Put(id.slot);
  writer.Put(id.incarnation);
}

WorkerId GetWorkerId(Reader& reader) {
  WorkerId id;
  id.slot = reader.Get<Slot>();
  id.incarnation = reader.Get<Incarnation>();
  return id;
}

void PutParcel(Writer& writer, const Parcel& parcel, std::uint8_t version) {
  PF_CHECK(parcel.unread.size() + parcel.context.size() <= kMaxParcelBytes, "a parcel too heavy to travel");
  writer.Put(parcel.id);
  writer.Put(parcel.listener);
  writer.Put(parcel.service);
  writer.PutBytes({reinterpret_cast<const char*>(&parcel.peer.storage), parcel.peer.length});
  writer.Put(ToNanoseconds(parcel.accepted_at));
  writer.Put(static_cast<std::uint8_t>(parcel.proxy_header_due));
  if (version >= kFirstVersionWithSeals) writer.Put(parcel.seal);
  writer.Put(parcel.requests);
  writer.Put(parcel.bytes_in);
  writer.Put(parcel.bytes_out);
  writer.Put(parcel.journeys);
  writer.Put(parcel.reclaims);
  writer.PutBytes(parcel.unread);
  writer.PutBytes(parcel.context);
}

void GetParcel(Reader& reader, Parcel& parcel, std::uint8_t version) {
  parcel.id = reader.Get<ConnId>();
  parcel.listener = reader.Get<ListenerId>();
  parcel.service = reader.Get<ServiceId>();
  const std::string_view peer = reader.GetBytes(sizeof(parcel.peer.storage));
  // Not memcpy: an empty view may point nowhere, which memcpy forbids even for no bytes.
  (void)peer.copy(reinterpret_cast<char*>(&parcel.peer.storage), peer.size());
  parcel.peer.length = static_cast<socklen_t>(peer.size());
  parcel.accepted_at = FromNanoseconds(reader.Get<std::int64_t>());
  parcel.proxy_header_due = reader.GetBool();
  if (version >= kFirstVersionWithSeals) parcel.seal = reader.Get<std::uint64_t>();
  parcel.requests = reader.Get<std::uint64_t>();
  parcel.bytes_in = reader.Get<std::uint64_t>();
  parcel.bytes_out = reader.Get<std::uint64_t>();
  parcel.journeys = reader.Get<std::uint32_t>();
  parcel.reclaims = reader.Get<std::uint32_t>();
  parcel.unread = reader.GetBytes(kMaxParcelBytes);
  parcel.context = reader.GetBytes(kMaxParcelBytes);
  if (parcel.unread.size() + parcel.context.size() > kMaxParcelBytes) reader.Fail();
}

// The type of a packet, or why it is none of ours.
Result<Type> ReadHeader(Reader& reader, std::uint8_t spoken) {
  const auto magic0 = reader.Get<char>();
  const auto magic1 = reader.Get<char>();
  const auto version = reader.Get<std::uint8_t>();
  const auto type = reader.Get<Type>();
  if (magic0 != kMagic[0] || magic1 != kMagic[1]) return Error{"not a preforkd message", 0};
  if (version != spoken) {
    return Error{fmt::format("wire version {} where {} is spoken", version, spoken), 0};
  }
  return type;
}

Error Malformed(const char* name) { return Error{fmt::format("malformed {} message", name), 0}; }
Error WrongFd(const char* name, bool wanted) {
  return Error{fmt::format("{} message {}", name, wanted ? "without its descriptor" : "with a descriptor"), 0};
}

Result<MasterToWorker> ReadHandOver(Reader& reader, UniqueFd fd, std::uint8_t version) {
  if (!fd.Valid()) return WrongFd("hand-over", true);
  HandOver message;
  GetParcel(reader, message.parcel, version);
  if (!reader.Done()) return Malformed("hand-over");
  message.parcel.fd = std::move(fd);
  return MasterToWorker(std::move(message));
}

Result<MasterToWorker> ReadReopenLog(Reader& reader, UniqueFd fd) {
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
  return MasterToWorker(std::move(message));
}

Result<MasterToWorker> ReadNudge(Reader& reader, const UniqueFd& fd) {
  if (fd.Valid()) return WrongFd("nudge", false);
  if (!reader.Done()) return Malformed("nudge");
  return MasterToWorker(Nudge{});
}

template <typename Message>
Result<WorkerToMaster> ReadPlain(Reader& reader, const UniqueFd& fd, const char* name) {
  if (fd.Valid()) return WrongFd(name, false);
  Message message;
  message.id = GetWorkerId(reader);
  if (!reader.Done()) return Malformed(name);
  return WorkerToMaster(std::move(message));
}

Result<WorkerToMaster> ReadLogReopened(Reader& reader, const UniqueFd& fd) {
  if (fd.Valid()) return WrongFd("log-reopened", false);
  LogReopened message;
  message.id = GetWorkerId(reader);
  message.round = reader.Get<std::uint64_t>();
  if (!reader.Done()) return Malformed("log-reopened");
  return WorkerToMaster(message);
}

Result<WorkerToMaster> ReadHandBack(Reader& reader, UniqueFd fd, std::uint8_t version) {
  if (!fd.Valid()) return WrongFd("hand-back", true);
  HandBack message;
  message.id = GetWorkerId(reader);
  message.reason = reader.Get<HandBackReason>();
  if (message.reason < HandBackReason::kIdle || message.reason > HandBackReason::kOverShare) reader.Fail();
  message.wake_now = reader.GetBool();
  message.idle_for_ns = reader.Get<std::int64_t>();
  GetParcel(reader, message.parcel, version);
  if (!reader.Done()) return Malformed("hand-back");
  message.parcel.fd = std::move(fd);
  return WorkerToMaster(std::move(message));
}

}  // namespace

void Encode(const HandOver& message, std::string& out, std::uint8_t version) { Encode(message.parcel, out, version); }

void Encode(const Parcel& parcel, std::string& out, std::uint8_t version) {
  Writer writer(out, Type::kHandOver, version);
  PutParcel(writer, parcel, version);
}

void Encode(const ReopenLog& message, std::string& out, std::uint8_t version) {
  Writer writer(out, Type::kReopenLog, version);
  writer.Put(message.incarnation);
  writer.Put(message.kind);
  writer.Put(message.sink);
  writer.Put(message.round);
}

void Encode(const Nudge&, std::string& out, std::uint8_t version) { Writer(out, Type::kNudge, version); }

void Encode(const Ready& message, std::string& out, std::uint8_t version) {
  Writer writer(out, Type::kReady, version);
  PutWorkerId(writer, message.id);
}

void Encode(const ReplaceMe& message, std::string& out, std::uint8_t version) {
  Writer writer(out, Type::kReplaceMe, version);
  PutWorkerId(writer, message.id);
}

void Encode(const HandBack& message, std::string& out, std::uint8_t version) {
  Writer writer(out, Type::kHandBack, version);
  PutWorkerId(writer, message.id);
  writer.Put(message.reason);
  writer.Put(static_cast<std::uint8_t>(message.wake_now ? 1 : 0));
  writer.Put(message.idle_for_ns);
  PutParcel(writer, message.parcel, version);
}

void Encode(const LogReopened& message, std::string& out, std::uint8_t version) {
  Writer writer(out, Type::kLogReopened, version);
  PutWorkerId(writer, message.id);
  writer.Put(message.round);
}

int FdOf(const HandOver& message) { return message.parcel.fd.Get(); }
int FdOf(const ReopenLog& message) { return message.fd.Get(); }
int FdOf(const Nudge&) { return -1; }
int FdOf(const Ready&) { return -1; }
int FdOf(const ReplaceMe&) { return -1; }
int FdOf(const HandBack& message) { return message.parcel.fd.Get(); }
int FdOf(const LogReopened&) { return -1; }

Result<MasterToWorker> DecodeForWorker(std::span<const char> bytes, UniqueFd fd, std::uint8_t version) {
  Reader reader(bytes);
  const Result<Type> type = ReadHeader(reader, version);
  if (!type.Ok()) return type.Err();
  switch (type.Value()) {
    case Type::kHandOver: return ReadHandOver(reader, std::move(fd), version);
    case Type::kReopenLog: return ReadReopenLog(reader, std::move(fd));
    case Type::kNudge: return ReadNudge(reader, fd);
    case Type::kReady:
    case Type::kReplaceMe:
    case Type::kHandBack:
    case Type::kLogReopened: break;  // a worker's words, not a master's
  }
  return Error{fmt::format("message type {} is not for a worker", static_cast<int>(type.Value())), 0};
}

Result<WorkerToMaster> DecodeForMaster(std::span<const char> bytes, UniqueFd fd, std::uint8_t version) {
  Reader reader(bytes);
  const Result<Type> type = ReadHeader(reader, version);
  if (!type.Ok()) return type.Err();
  switch (type.Value()) {
    case Type::kReady: return ReadPlain<Ready>(reader, fd, "ready");
    case Type::kReplaceMe: return ReadPlain<ReplaceMe>(reader, fd, "replace-me");
    case Type::kHandBack: return ReadHandBack(reader, std::move(fd), version);
    case Type::kLogReopened: return ReadLogReopened(reader, fd);
    case Type::kHandOver:
    case Type::kReopenLog:
    case Type::kNudge: break;  // a master's words, not a worker's
  }
  return Error{fmt::format("message type {} is not for the master", static_cast<int>(type.Value())), 0};
}

}  // namespace preforkd
