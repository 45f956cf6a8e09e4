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
#include "tests/support/temp_directory.h"

namespace preforkd {
namespace {

using testing::FdSnapshot;

UniqueFd SomeFd() {
  return UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC));
}

// Strings that break codecs: nothing, NULs, what looks like a length, every byte, the most that may travel.
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
  parcel.unread = unread;
  parcel.context = context;
  return parcel;
}

constexpr WorkerId kWorker{static_cast<Slot>(5), static_cast<Incarnation>(99)};

// One example of each message, by its type.
void Make(HandOver& message, const std::string& evil) {
  message.parcel = SomeParcel(evil, "");
}
void Make(ReopenLog& message, const std::string&) {
  message.incarnation = static_cast<Incarnation>(12);
  message.kind = LogKind::kAccess;
  message.sink = log::Sink::kJournal;
  message.round = 77;
  message.fd = SomeFd();
}
void Make(Nudge&, const std::string&) {}
void Make(Ready& message, const std::string&) {
  message.id = kWorker;
}
void Make(ReplaceMe& message, const std::string&) {
  message.id = kWorker;
}
void Make(LogReopened& message, const std::string&) {
  message.id = kWorker;
  message.round = 78;
}
void Make(HandBack& message, const std::string& evil) {
  message.id = kWorker;
  message.reason = HandBackReason::kOverShare;
  message.wake_now = true;
  message.idle_for_ns = -1;
  message.parcel = SomeParcel("", evil);
}

bool Equal(const Parcel& a, const Parcel& b) {
  return a.id == b.id && a.seal == b.seal && a.listener == b.listener && a.service == b.service && a.peer == b.peer &&
         a.accepted_at == b.accepted_at && a.requests == b.requests && a.bytes_in == b.bytes_in &&
         a.bytes_out == b.bytes_out && a.journeys == b.journeys && a.reclaims == b.reclaims &&
         a.unread == b.unread && a.context == b.context;
}
bool Equal(const HandOver& a, const HandOver& b) {
  return Equal(a.parcel, b.parcel);
}
bool Equal(const ReopenLog& a, const ReopenLog& b) {
  return a.incarnation == b.incarnation && a.kind == b.kind && a.sink == b.sink && a.round == b.round;
}
bool Equal(const Nudge&, const Nudge&) {
  return true;
}
bool Equal(const Ready& a, const Ready& b) {
  return a.id == b.id;
}
bool Equal(const ReplaceMe& a, const ReplaceMe& b) {
  return a.id == b.id;
}
bool Equal(const LogReopened& a, const LogReopened& b) {
  return a.id == b.id && a.round == b.round;
}
bool Equal(const HandBack& a, const HandBack& b) {
  return a.id == b.id && a.reason == b.reason && a.wake_now == b.wake_now && a.idle_for_ns == b.idle_for_ns &&
         Equal(a.parcel, b.parcel);
}

template <typename Variant>
Result<Variant> Decode(std::string_view bytes, UniqueFd fd) {
  if constexpr (std::is_same_v<Variant, MasterToWorker>) {
    return DecodeForWorker(std::span(bytes.data(), bytes.size()), std::move(fd));
  } else {
    return DecodeForMaster(std::span(bytes.data(), bytes.size()), std::move(fd));
  }
}

// Calls `check` with an example of every alternative of `Variant`.
template <typename Variant, typename Check>
void ForEach(const std::string& evil, Check check) {
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    const auto one = [&](auto message) {
      Make(message, evil);
      check(std::move(message));
    };
    (one(std::variant_alternative_t<I, Variant>{}), ...);
  }
  (std::make_index_sequence<std::variant_size_v<Variant>>());
}

UniqueFd FdFor(int fd) {
  return fd < 0 ? UniqueFd() : UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
}

template <typename Variant>
void CheckRoundTrips() {
  for (const std::string& evil : EvilStrings()) {
    ForEach<Variant>(evil, [](auto message) {
      std::string bytes;
      Encode(message, bytes);
      REQUIRE(bytes.size() <= kMaxMessageBytes);
      const bool carries = FdOf(message) >= 0;
      Result<Variant> decoded = Decode<Variant>(bytes, FdFor(FdOf(message)));
      REQUIRE(decoded.Ok());
      const auto* same = std::get_if<decltype(message)>(&decoded.Value());
      REQUIRE(same != nullptr);
      CHECK(Equal(*same, message));
      CHECK((FdOf(*same) >= 0) == carries);
    });
  }
}

template <typename Variant>
void CheckRejections() {
  ForEach<Variant>("some", [](auto message) {
    std::string bytes;
    Encode(message, bytes);
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

// What one side says must not be taken for the other side's words.
template <typename Said, typename Heard>
void CheckDirection() {
  ForEach<Said>("", [](auto message) {
    std::string bytes;
    Encode(message, bytes);
    CHECK_FALSE(Decode<Heard>(bytes, FdFor(FdOf(message))).Ok());
  });
}

// A four-byte length somewhere in the message is replaced by one that lies.
template <typename Variant>
void CheckLyingBytes() {
  ForEach<Variant>("some", [](auto message) {
    std::string bytes;
    Encode(message, bytes);
    for (std::size_t place = 4; place + 4 <= bytes.size(); ++place) {
      std::string wrong = bytes;
      wrong.replace(place, 4, "\xff\xff\xff\xff", 4);
      // Numbers may be any: then it decodes, and encodes to the very same bytes again.
      Result<Variant> decoded = Decode<Variant>(wrong, FdFor(FdOf(message)));
      if (!decoded.Ok()) continue;
      std::string again;
      std::visit([&again](const auto& any) { Encode(any, again); }, decoded.Value());
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

TEST_CASE("a worker's words are none of a master's, and the other way round") {
  CheckDirection<MasterToWorker, WorkerToMaster>();
  CheckDirection<WorkerToMaster, MasterToWorker>();
}

TEST_CASE("what is accepted is exactly what an encoder makes") {
  CheckLyingBytes<MasterToWorker>();
  CheckLyingBytes<WorkerToMaster>();
}

TEST_CASE("each version is spoken whole, and only to those who speak it") {
  for (std::uint8_t version = kOldestWireVersion; version <= kWireVersion; ++version) {
    ForEach<MasterToWorker>("some", [&](auto message) {
      std::string bytes;
      Encode(message, bytes, version);
      for (std::uint8_t other = kOldestWireVersion; other <= kWireVersion; ++other) {
        const auto decoded =
            DecodeForWorker(std::span(bytes.data(), bytes.size()), FdFor(FdOf(message)), other);
        CHECK(decoded.Ok() == (other == version));
      }
    });
    ForEach<WorkerToMaster>("some", [&](auto message) {
      std::string bytes;
      Encode(message, bytes, version);
      const auto decoded = DecodeForMaster(std::span(bytes.data(), bytes.size()), FdFor(FdOf(message)), version);
      REQUIRE(decoded.Ok());
      const auto* same = std::get_if<decltype(message)>(&decoded.Value());
      REQUIRE(same != nullptr);
      if constexpr (requires { message.parcel; }) {
        if (version < kFirstVersionWithSeals) message.parcel.seal = 0;  // which it does not know
      }
      CHECK(Equal(*same, message));
    });
  }
}

// A seed of another version would be refused at its first bytes, and nothing behind them would ever be tried.
TEST_CASE("the seeds of the fuzz target are messages of today") {
  const std::vector<std::string> to_worker = {"hand-over", "reopen-log", "reopen-access-log", "nudge"};
  const std::vector<std::string> to_master = {"ready", "replace-me", "log-reopened", "hand-back"};
  const auto seed = [](const std::string& name) {
    const std::string bytes = testing::ReadFile("tests/fuzz/corpus/wire/" + name);
    REQUIRE_MESSAGE(bytes.size() > 4, name);
    return bytes;
  };
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
  Encode(Ready{kWorker}, bytes);
  CHECK(DecodeForMaster(std::span(bytes.data(), bytes.size()), UniqueFd()).Ok());
}

}  // namespace preforkd
