// The codec: every message comes back as it was, and nothing else is accepted.
//
// The list of messages comes from the variants themselves: one that is added without an example here does not
// compile.
#include "common/wire/codec.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>

#include <array>
#include <cstring>
#include <utility>
#include <vector>

#include "tests/support/fd_snapshot.h"
#include "tests/support/parcels.h"
#include "tests/support/temp_directory.h"

namespace preforkd::testing {
namespace {

UniqueFd SomeFd() { return UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC)); }

// Strings that break codecs: empty, NULs, a fake length, every byte, the maximum size.
std::vector<std::string> EvilStrings() {
  std::string every;
  for (int byte = 0; byte < 256; ++byte) every.push_back(static_cast<char>(byte));
  return {"",
          std::string(1, '\0'),
          std::string("\xff\xff\xff\xff", 4),
          std::string("PF\x01\x01", 4),
          every,
          std::string(kMaxParcelBytes, 'x')};
}

SocketAddress SomePeer() {
  sockaddr_in6 peer{};
  peer.sin6_family = AF_INET6;
  peer.sin6_port = htons(4711);
  peer.sin6_addr.s6_addr[15] = 1;
  SocketAddress address;
  std::memcpy(&address.storage, &peer, sizeof(peer));
  address.length = sizeof(peer);
  return address;
}

Parcel SomeParcel(const std::string& unread, const std::string& context) {
  Parcel parcel;
  parcel.fd = SomeFd();
  parcel.id = static_cast<ConnId>(0x1122334455667788);
  parcel.listener = static_cast<ListenerId>(0xfffe);
  parcel.seal = 0x0123456789abcdef;
  parcel.service = static_cast<ServiceId>(3);
  parcel.peer = SomePeer();
  parcel.accepted_at = FromNanoseconds(-5);
  parcel.requests = ~std::uint64_t{0};
  parcel.bytes_in = 1;
  parcel.bytes_out = 2;
  parcel.journeys = 7;
  parcel.reclaims = 8;
  parcel.stay = std::chrono::milliseconds(65'535);
  parcel.unread = unread;
  parcel.context = context;
  parcel.tls = TlsStage::kEstablished;
  parcel.tls_state.assign(150, 'k');
  return parcel;
}

constexpr WorkerId kWorker{static_cast<Slot>(5), static_cast<Incarnation>(99)};

// One example of each message, by its type.
void Make(HandOver& message, const std::string& evil) {
  message.parcel = SomeParcel(evil, "");
  message.parcel.parked_at = FromNanoseconds(123'456'789'012);
}
void Make(ReopenLog& message, const std::string&) {
  message.incarnation = static_cast<Incarnation>(12);
  message.kind = LogKind::kAccess;
  message.sink = log::Sink::kJournal;
  message.round = 77;
  message.fd = SomeFd();
}
void Make(Nudge&, const std::string&) {}
void Make(Ready& message, const std::string&) { message.id = kWorker; }
void Make(ReplaceMe& message, const std::string&) { message.id = kWorker; }
void Make(LogReopened& message, const std::string&) {
  message.id = kWorker;
  message.round = 78;
}
void Make(ThreadFree& message, const std::string&) { message.id = kWorker; }
void Make(HandBack& message, const std::string& evil) {
  message.id = kWorker;
  message.reason = ReturnReason::kOverShare;
  message.wake_now = true;
  message.idle_left_ns = -1;
  message.parcel = SomeParcel("", evil);
}

bool Equal(const Parcel& a, const Parcel& b) {
  return a.id == b.id && a.seal == b.seal && a.listener == b.listener && a.service == b.service &&
         a.peer == b.peer && a.accepted_at == b.accepted_at && a.requests == b.requests &&
         a.bytes_in == b.bytes_in && a.bytes_out == b.bytes_out && a.journeys == b.journeys &&
         a.reclaims == b.reclaims && a.stay == b.stay && a.parked_at == b.parked_at && a.unread == b.unread &&
         a.context == b.context && a.tls == b.tls && a.tls_state == b.tls_state;
}
bool Equal(const HandOver& a, const HandOver& b) { return Equal(a.parcel, b.parcel); }
bool Equal(const ReopenLog& a, const ReopenLog& b) {
  return a.incarnation == b.incarnation && a.kind == b.kind && a.sink == b.sink && a.round == b.round;
}
bool Equal(const Nudge&, const Nudge&) { return true; }
bool Equal(const Ready& a, const Ready& b) { return a.id == b.id; }
bool Equal(const ReplaceMe& a, const ReplaceMe& b) { return a.id == b.id; }
bool Equal(const LogReopened& a, const LogReopened& b) { return a.id == b.id && a.round == b.round; }
bool Equal(const ThreadFree& a, const ThreadFree& b) { return a.id == b.id; }
bool Equal(const HandBack& a, const HandBack& b) {
  return a.id == b.id && a.reason == b.reason && a.wake_now == b.wake_now &&
         a.idle_left_ns == b.idle_left_ns && Equal(a.parcel, b.parcel);
}

template <typename Variant>
Result<Variant> Decode(std::string_view bytes, UniqueFd fd) {
  if constexpr (std::is_same_v<Variant, MasterToWorker>) {
    return DecodeForWorker(std::span(bytes.data(), bytes.size()), std::move(fd), kWireVersion);
  } else {
    return DecodeForMaster(std::span(bytes.data(), bytes.size()), std::move(fd), kWireVersion);
  }
}

// A worker's message becomes the type that the master receives.
template <typename Message>
auto& AsSent(Message& received) {
  return received;
}
HandBack AsSent(HandedBack& received) {
  return {received.id, received.reason, received.wake_now, received.idle_left_ns,
          Unpack(std::move(received.parcel))};
}
template <typename Message>
using Received = std::conditional_t<std::is_same_v<Message, HandBack>, HandedBack, Message>;
template <typename Message>
using Sent = std::conditional_t<std::is_same_v<Message, HandedBack>, HandBack, Message>;

// Calls `check` with an example of every alternative of `Variant`.
template <typename Variant, typename Check>
void ForEach(const std::string& evil, Check check) {
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    const auto one = [&](auto message) {
      Make(message, evil);
      check(std::move(message));
    };
    (one(Sent<std::variant_alternative_t<I, Variant>>{}), ...);
  }
  (std::make_index_sequence<std::variant_size_v<Variant>>());
}

UniqueFd FdFor(int fd) { return fd < 0 ? UniqueFd() : UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 0)); }

template <typename Variant>
void CheckRoundTrips() {
  for (const std::string& evil : EvilStrings()) {
    ForEach<Variant>(evil, [](auto message) {
      std::string bytes;
      Encode(message, bytes, kWireVersion);
      REQUIRE(bytes.size() <= kMaxMessageBytes);
      const bool carries = FdOf(message) >= 0;
      Result<Variant> decoded = Decode<Variant>(bytes, FdFor(FdOf(message)));
      REQUIRE(decoded.Ok());
      auto* received = std::get_if<Received<decltype(message)>>(&decoded.Value());
      REQUIRE(received != nullptr);
      const auto& same = AsSent(*received);
      CHECK(Equal(same, message));
      CHECK((FdOf(same) >= 0) == carries);
    });
  }
}

template <typename Variant>
void CheckRejections() {
  ForEach<Variant>("some", [](auto message) {
    std::string bytes;
    Encode(message, bytes, kWireVersion);
    const int fd = FdOf(message);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      CHECK_FALSE(Decode<Variant>(bytes.substr(0, size), FdFor(fd)).Ok());
    }
    CHECK_FALSE(Decode<Variant>(bytes + '\0', FdFor(fd)).Ok());
    // The other rule for the descriptor.
    CHECK_FALSE(Decode<Variant>(bytes, fd >= 0 ? UniqueFd() : SomeFd()).Ok());
    for (const std::size_t place : {0U, 1U, 2U, 3U}) {  // magic, magic, version, type
      std::string wrong = bytes;
      wrong[place] = static_cast<char>(wrong[place] ^ 0x40);
      CHECK_FALSE(Decode<Variant>(wrong, FdFor(fd)).Ok());
    }
  });
}

// A message of one side must not be accepted from the other.
template <typename Said, typename Heard>
void CheckDirection() {
  ForEach<Said>("", [](auto message) {
    std::string bytes;
    Encode(message, bytes, kWireVersion);
    CHECK_FALSE(Decode<Heard>(bytes, FdFor(FdOf(message))).Ok());
  });
}

// A four-byte length somewhere in the message is replaced by a wrong one.
template <typename Variant>
void CheckLyingBytes() {
  ForEach<Variant>("some", [](auto message) {
    std::string bytes;
    Encode(message, bytes, kWireVersion);
    for (std::size_t place = 4; place + 4 <= bytes.size(); ++place) {
      std::string wrong = bytes;
      wrong.replace(place, 4, "\xff\xff\xff\xff", 4);
      // Any number is valid: then it decodes, and encodes to the same bytes again.
      Result<Variant> decoded = Decode<Variant>(wrong, FdFor(FdOf(message)));
      if (!decoded.Ok()) continue;
      std::string again;
      std::visit([&again](auto& any) { Encode(AsSent(any), again, kWireVersion); }, decoded.Value());
      CHECK(again == wrong);
    }
  });
}

}  // namespace

TEST_CASE("every message comes back as it was sent, whatever is in its strings") {
  CheckRoundTrips<MasterToWorker>();
  CheckRoundTrips<WorkerToMaster>();
}

TEST_CASE(
    "short, long, another version or type, a descriptor too many or too few: all refused, none leaked") {
  const FdSnapshot before = FdSnapshot::OfSelf();
  CheckRejections<MasterToWorker>();
  CheckRejections<WorkerToMaster>();
  CHECK(FdSnapshot::OfSelf() == before);
}

TEST_CASE("a worker's messages are refused from a master, and the other way round") {
  CheckDirection<MasterToWorker, WorkerToMaster>();
  CheckDirection<WorkerToMaster, MasterToWorker>();
}

TEST_CASE("exactly the messages of the encoder are accepted") {
  CheckLyingBytes<MasterToWorker>();
  CheckLyingBytes<WorkerToMaster>();
}

TEST_CASE("a message of another version is refused, and the error names both") {
  std::string bytes;
  Encode(Nudge{}, bytes, kWireVersion);
  bytes[2] = 3;
  const Result<MasterToWorker> decoded = Decode<MasterToWorker>(bytes, UniqueFd());
  REQUIRE_FALSE(decoded.Ok());
  CHECK(decoded.Err().text == "wire version 3 on a channel of version 5");
}

TEST_CASE("a packet whose descriptor is lost still says which connection it was about") {
  const Parcel parcel = SomeParcel("unread", "context");
  std::string bytes;
  Encode(HandOver{SomeParcel("unread", "context")}, bytes, kWireVersion);
  CHECK(ConnectionIn(bytes) == parcel.id);
  CHECK_FALSE(ConnectionIn(std::string_view(bytes).substr(0, 50)).has_value());
  Encode(HandBack{kWorker, ReturnReason::kRetiring, true, 12345, SomeParcel("unread", "context")}, bytes,
         kWireVersion);
  CHECK(ConnectionIn(bytes) == parcel.id);
  bytes[0] = 'x';
  CHECK_FALSE(ConnectionIn(bytes).has_value());
  Encode(Ready{kWorker}, bytes, kWireVersion);
  CHECK_FALSE(ConnectionIn(bytes).has_value());
  CHECK_FALSE(ConnectionIn({}).has_value());
}

TEST_CASE("a reclaimed parcel stays packed, and is sent on unchanged") {
  for (const std::string& evil : EvilStrings()) {
    std::string bytes;
    Encode(HandOver{SomeParcel(evil, "")}, bytes, kWireVersion);
    Result<Untaken> untaken = DecodeUntaken(bytes, SomeFd(), kWireVersion);
    REQUIRE(untaken.Ok());
    const auto& packed = std::get<PackedParcel>(untaken.Value());
    CHECK(std::string_view(packed.Message().data(), packed.Message().size()) == bytes);
  }
}

TEST_CASE(
    "a hand-back is a hand-over of the same parcel once it is received, and fields that are patched travel") {
  HandBack message{kWorker, ReturnReason::kRetiring, true, 12345, SomeParcel("unread", "context")};
  std::string bytes;
  Encode(message, bytes, kWireVersion);
  Result<WorkerToMaster> decoded = Decode<WorkerToMaster>(bytes, SomeFd());
  REQUIRE(decoded.Ok());
  PackedParcel packed = std::move(std::get<HandedBack>(decoded.Value()).parcel);
  ParcelHead head = packed.Head();
  head.seal = 42;
  ++head.reclaims;
  packed.SetHead(head);
  CHECK(packed.Peer() == message.parcel.peer);
  const std::span<const char> on = packed.Message();
  Result<MasterToWorker> taken = Decode<MasterToWorker>({on.data(), on.size()}, SomeFd());
  REQUIRE(taken.Ok());
  message.parcel.seal = 42;
  ++message.parcel.reclaims;
  CHECK(Equal(std::get<HandOver>(taken.Value()).parcel, message.parcel));
}

TEST_CASE("a worker of version 4 gets what it understands, and nothing of the rhythm") {
  constexpr WireVersion kOld{4};
  HandOver message;
  Make(message, "unread");
  std::string bytes;
  Encode(message, bytes, kOld);
  PackedParcel packed = Pack(std::move(message.parcel), kWireVersion);
  packed.Address(kOld);
  CHECK(std::string_view(packed.Message().data(), packed.Message().size()) == bytes);
  Result<MasterToWorker> taken = DecodeForWorker(bytes, SomeFd(), kOld);
  REQUIRE(taken.Ok());
  const Parcel& parcel = std::get<HandOver>(taken.Value()).parcel;
  CHECK(parcel.stay == Duration(0));
  CHECK(parcel.parked_at == Time{});
  CHECK(parcel.reclaims == 8);
  // A field that version 4 has in a hand-back only.
  const std::size_t idle = kMessagePrefix + offsetof(ParcelHead, idle_ns);
  bytes[idle] = 1;
  CHECK_FALSE(DecodeForWorker(bytes, SomeFd(), kOld).Ok());
}

TEST_CASE("what a worker of version 4 hands back, or leaves untaken, goes on in the newest version") {
  constexpr WireVersion kOld{4};
  HandBack back{kWorker, ReturnReason::kIdle, false, 12345, SomeParcel("", "context")};
  std::string bytes;
  Encode(back, bytes, kOld);
  Result<WorkerToMaster> decoded = DecodeForMaster(bytes, SomeFd(), kOld);
  REQUIRE(decoded.Ok());
  HandedBack received = std::move(std::get<HandedBack>(decoded.Value()));
  CHECK(received.idle_left_ns == 12345);
  Parcel parcel = Unpack(std::move(received.parcel));
  CHECK(parcel.stay == Duration(0));
  CHECK(parcel.reclaims == 8);

  Encode(HandOver{SomeParcel("", "context")}, bytes, kOld);
  bytes[kMessagePrefix + offsetof(ParcelHead, stay_ms)] = 1;  // 65,544 reclaims
  Result<Untaken> untaken = DecodeUntaken(bytes, SomeFd(), kOld);
  REQUIRE(untaken.Ok());
  parcel = Unpack(std::move(std::get<PackedParcel>(untaken.Value())));
  CHECK(parcel.stay == Duration(0));
  CHECK(parcel.reclaims == 65'535);
}

TEST_CASE("no count and no time of a parcel is too large for its field") {
  HandOver message{SomeParcel("", "")};
  message.parcel.reclaims = 70'000;
  message.parcel.stay = std::chrono::hours(1);
  std::string bytes;
  Encode(message, bytes, kWireVersion);
  PackedParcel packed(SomeFd(), bytes);
  ParcelHead head = packed.Head();
  CHECK(head.reclaims == 65'535);
  CountReclaim(head);
  CHECK(head.reclaims == 65'535);
  CHECK(head.stay_ms == 65'535);
}

TEST_CASE("a TLS state comes with an established session, and with nothing else") {
  for (const TlsStage stage :
       {TlsStage::kNone, TlsStage::kHandshakeDue, TlsStage::kEstablished, TlsStage::kGoodbyeDue}) {
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, kMaxTlsBytes}) {
      Parcel parcel = SomeParcel("", "");
      parcel.tls = stage;
      parcel.tls_state.assign(size, 'k');
      std::string bytes;
      Encode(HandBack{kWorker, ReturnReason::kIdle, false, 0, std::move(parcel)}, bytes, kWireVersion);
      CHECK(Decode<WorkerToMaster>(bytes, SomeFd()).Ok() ==
            ((stage >= TlsStage::kEstablished) == (size > 0)));
    }
  }
}

TEST_CASE("a packed parcel can be made again from its descriptor and its message") {
  for (const std::size_t size : {0U, 1U, 1000U}) {
    for (const std::size_t keys : {0U, 150U}) {
      Parcel parcel = SomeParcel(std::string(size, 'x'), "");
      parcel.tls = keys > 0 ? TlsStage::kEstablished : TlsStage::kNone;
      parcel.tls_state.assign(keys, 'k');
      PackedParcel packed = Pack(std::move(parcel), kWireVersion);
      const std::string message(packed.Message().data(), packed.Message().size());
      CHECK(message.size() == MessageSize(packed.Head()));
      const Parcel back = Unpack(PackedParcel(std::move(packed.fd), message));
      CHECK(back.unread == std::string(size, 'x'));
      CHECK(back.tls_state == SecretBytes(keys, 'k'));
    }
  }
}

TEST_CASE("a moved-from packed parcel is empty, whether it was short or long") {
  for (const std::size_t size : {0U, 1U, 1000U}) {
    PackedParcel packed = Pack(SomeParcel(std::string(size, 'x'), ""), kWireVersion);
    PackedParcel moved = std::move(packed);
    CHECK(packed.Empty());
    CHECK_FALSE(packed.fd.Valid());
    CHECK(Unpack(std::move(moved)).unread == std::string(size, 'x'));
  }
}

TEST_CASE("a heavy parcel has a second descriptor and nothing unread, both ways; no other message has one") {
  const FdSnapshot before = FdSnapshot::OfSelf();
  {
    HandBack message{kWorker, ReturnReason::kIdle, true, 0, SomeParcel("", "context")};
    message.parcel.heavy = SomeFd();
    std::string bytes;
    Encode(message, bytes, kWireVersion);
    const auto decode = [](std::string_view from, UniqueFd second) {
      return DecodeForMaster(std::span(from.data(), from.size()), SomeFd(), kWireVersion, std::move(second));
    };
    CHECK_FALSE(decode(bytes, UniqueFd()).Ok());
    Result<WorkerToMaster> decoded = decode(bytes, SomeFd());
    REQUIRE(decoded.Ok());
    PackedParcel packed = std::move(std::get<HandedBack>(decoded.Value()).parcel);
    CHECK(packed.heavy.Valid());
    PackedParcel moved = std::move(packed);
    CHECK_FALSE(packed.heavy.Valid());
    Parcel parcel = Unpack(std::move(moved));
    CHECK(parcel.heavy.Valid());
    CHECK(Equal(parcel, message.parcel));
    // It would be parked with two descriptors.
    message.wake_now = false;
    Encode(message, bytes, kWireVersion);
    CHECK_FALSE(decode(bytes, SomeFd()).Ok());
    message.wake_now = true;
    message.parcel.unread = "x";
    Encode(message, bytes, kWireVersion);
    CHECK_FALSE(decode(bytes, SomeFd()).Ok());
    message.parcel.heavy.Reset();
    Encode(message, bytes, kWireVersion);
    CHECK(decode(bytes, UniqueFd()).Ok());
    CHECK_FALSE(decode(bytes, SomeFd()).Ok());
    Encode(Ready{kWorker}, bytes, kWireVersion);
    CHECK_FALSE(DecodeForMaster(bytes, UniqueFd(), kWireVersion, SomeFd()).Ok());
    Encode(Nudge{}, bytes, kWireVersion);
    CHECK_FALSE(DecodeForWorker(bytes, UniqueFd(), kWireVersion, SomeFd()).Ok());
    Encode(HandOver{SomeParcel("", "")}, bytes, kWireVersion);
    CHECK_FALSE(DecodeForWorker(bytes, SomeFd(), kWireVersion, SomeFd()).Ok());
    CHECK_FALSE(DecodeUntaken(bytes, SomeFd(), kWireVersion, SomeFd()).Ok());
  }
  CHECK(FdSnapshot::OfSelf() == before);
}

// A seed of another version would be refused at its first bytes, and the rest would never be tested.
TEST_CASE("the seeds of the fuzz target are messages of the current version") {
  const std::vector<std::string> to_worker = {"hand-over", "reopen-log", "reopen-access-log", "nudge"};
  const std::vector<std::string> to_master = {"ready", "replace-me", "log-reopened", "hand-back"};
  const auto seed = [](const std::string& name) {
    const std::string bytes = ReadFile("tests/fuzz/corpus/codec/" + name);
    REQUIRE_MESSAGE(bytes.size() > 4, name);
    return bytes;
  };
  const std::string heavy = seed("heavy-hand-over").substr(1);
  CHECK(DecodeForWorker(heavy, SomeFd(), kWireVersion, SomeFd()).Ok());
  const std::string heavy_back = seed("heavy-hand-back").substr(1);
  CHECK(DecodeForMaster(heavy_back, SomeFd(), kWireVersion, SomeFd()).Ok());
  for (const std::string& name : to_worker) {
    CAPTURE(name);
    const std::string bytes = seed(name);
    CHECK(Decode<MasterToWorker>(bytes.substr(1), (bytes[0] >> 1) > 0 ? SomeFd() : UniqueFd()).Ok());
  }
  for (const std::string& name : to_master) {
    CAPTURE(name);
    const std::string bytes = seed(name);
    CHECK(Decode<WorkerToMaster>(bytes.substr(1), (bytes[0] >> 1) > 0 ? SomeFd() : UniqueFd()).Ok());
  }
}

TEST_CASE("encoding replaces what was in the buffer") {
  std::string bytes = "something old and much longer than the message itself";
  Encode(Ready{kWorker}, bytes, kWireVersion);
  CHECK(DecodeForMaster(std::span(bytes.data(), bytes.size()), UniqueFd(), kWireVersion).Ok());
}

}  // namespace preforkd::testing
