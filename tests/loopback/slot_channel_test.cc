// SlotChannel: what was handed over and not taken can be taken back, and the ledger always balances.
#include "master/slot_channel.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <array>
#include <utility>
#include <vector>

#include "common/wire/codec.h"
#include "tests/support/fd_snapshot.h"
#include "tests/support/fork_peer.h"

namespace preforkd {
namespace {

using testing::FdSnapshot;

std::vector<Parcel> MakeParcels(std::uint64_t first, std::uint64_t count) {
  std::vector<Parcel> parcels(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    parcels[i].fd = UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC));
    parcels[i].id = static_cast<ConnId>(first + i);
    parcels[i].context = fmt::format("context of {}", first + i);
  }
  return parcels;
}

// What a worker does: one packet from its end.
ReceiveResult TakeOne(const SlotChannel& channel) {
  static std::array<char, kMaxMessageBytes> buffer;
  return ReceiveMessage(channel.WorkerEnd(), buffer);
}

}  // namespace

TEST_CASE("a sent parcel is closed here, counted, and in the channel") {
  const FdSnapshot before = FdSnapshot::OfSelf();
  {
    WorkerRow row;
    Result<SlotChannel> channel = SlotChannel::Create(row);
    REQUIRE(channel.Ok());
    std::vector<Parcel> parcels = MakeParcels(1, 5);
    CHECK(channel.Value().Send(parcels).sent == 5);
    for (const Parcel& parcel : parcels) CHECK_FALSE(parcel.fd.Valid());
    CHECK(Get(row.handed_over) == 5);
    CHECK(channel.Value().Load() == 5);
    CHECK(channel.Value().Queued() == 5);
  }
  CHECK(FdSnapshot::OfSelf() == before);
}

TEST_CASE("reclaim brings back exactly what was not taken, in order, whole") {
  WorkerRow row;
  Result<SlotChannel> channel = SlotChannel::Create(row);
  REQUIRE(channel.Ok());
  std::vector<Parcel> parcels = MakeParcels(1, 10);
  REQUIRE(channel.Value().Send(parcels).sent == 10);
  for (int i = 0; i < 3; ++i) {
    REQUIRE(TakeOne(channel.Value()).outcome == ReceiveOutcome::kMessage);
    Add(row.taken);
  }
  std::vector<Parcel> back;
  CHECK(channel.Value().Reclaim(back) == 7);
  REQUIRE(back.size() == 7);
  for (std::size_t i = 0; i < back.size(); ++i) {
    CHECK(Raw(back[i].id) == i + 4);
    CHECK(back[i].context == fmt::format("context of {}", i + 4));
    CHECK(back[i].reclaims == 1);
    CHECK(back[i].fd.Valid());
  }
  CHECK(channel.Value().Load() == 3);
  CHECK(channel.Value().Queued() == 0);
  CHECK(channel.Value().Reclaim(back) == 0);
}

TEST_CASE("the ledger: finished and handed back end the load; it never goes below nothing") {
  WorkerRow row;
  Result<SlotChannel> channel = SlotChannel::Create(row);
  REQUIRE(channel.Ok());
  std::vector<Parcel> parcels = MakeParcels(1, 4);
  REQUIRE(channel.Value().Send(parcels).sent == 4);
  Add(row.finished, 2);
  channel.Value().CountHandedBack();
  CHECK(channel.Value().Load() == 1);
  Add(row.finished, 100);  // a wild worker
  CHECK(channel.Value().Load() == 0);
}

TEST_CASE("a full channel: what did not go is untouched") {
  WorkerRow row;
  Result<SlotChannel> channel = SlotChannel::Create(row);
  REQUIRE(channel.Ok());
  SendResult result;
  std::vector<Parcel> parcels;
  std::uint64_t sent = 0;
  while (result.outcome == SendOutcome::kSent) {
    parcels = MakeParcels(1 + sent, kMaxBatch);
    result = channel.Value().Send(parcels);
    sent += result.sent;
    REQUIRE(sent < 100000);
  }
  CHECK(result.outcome == SendOutcome::kFull);
  for (std::size_t i = result.sent; i < parcels.size(); ++i) {
    CHECK(parcels[i].fd.Valid());
    CHECK_FALSE(parcels[i].context.empty());
  }
  CHECK(channel.Value().Load() == sent);
  std::vector<Parcel> back;
  CHECK(channel.Value().Reclaim(back) == sent);
}

TEST_CASE("our side closed: the worker still takes what is queued, then reads the end, and can answer") {
  WorkerRow row;
  Result<SlotChannel> channel = SlotChannel::Create(row);
  REQUIRE(channel.Ok());
  std::vector<Parcel> parcels = MakeParcels(1, 1);
  REQUIRE(channel.Value().Send(parcels).sent == 1);
  channel.Value().CloseOurSide();
  CHECK(TakeOne(channel.Value()).outcome == ReceiveOutcome::kMessage);
  CHECK(TakeOne(channel.Value()).outcome == ReceiveOutcome::kEnd);
  std::string bytes;
  Encode(Ready{}, bytes);
  const OutMessage out{bytes, -1};
  CHECK(SendMessages(channel.Value().WorkerEnd(), std::span(&out, 1)).sent == 1);
  std::array<char, 100> buffer{};
  CHECK(channel.Value().Receive(buffer).outcome == ReceiveOutcome::kMessage);
}

TEST_CASE("a reclaim without a free descriptor leaves the parcels in the channel") {
  enum { kNoChannel = 1, kTookSome, kLostSome };
  const testing::PeerResult result = testing::RunPeer([] {
    WorkerRow row;
    Result<SlotChannel> channel = SlotChannel::Create(row);
    std::vector<Parcel> parcels = MakeParcels(1, 5);
    if (!channel.Ok() || channel.Value().Send(parcels).sent != 5) return int{kNoChannel};
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    rlimit limit = before;
    limit.rlim_cur = 0;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    std::vector<Parcel> back;
    const std::size_t taken = channel.Value().Reclaim(back);
    ::setrlimit(RLIMIT_NOFILE, &before);
    if (taken != 0) return int{kTookSome};
    return channel.Value().Reclaim(back) == 5 ? 0 : int{kLostSome};
  });
  CHECK_MESSAGE(result.Ok(), result.Text());
}

TEST_CASE("a log file that waits among untaken parcels is not taken back with them; a nudge is") {
  WorkerRow row;
  Result<SlotChannel> channel = SlotChannel::Create(row);
  REQUIRE(channel.Ok());
  std::vector<Parcel> parcels = MakeParcels(1, 2);
  REQUIRE(channel.Value().Send(parcels).sent == 2);
  channel.Value().Nudge();
  const ReopenLog log_file{Incarnation{4}, LogKind::kServer, log::Sink::kFile, 1, UniqueFd(::open("/dev/null", O_WRONLY | O_CLOEXEC))};
  REQUIRE(channel.Value().Send(log_file).sent == 1);
  std::vector<Parcel> back;
  CHECK(channel.Value().Reclaim(back) == 2);
  static std::array<char, kMaxMessageBytes> buffer;
  ReceiveResult packet = ReceiveMessage(channel.Value().WorkerEnd(), buffer);
  REQUIRE(packet.outcome == ReceiveOutcome::kMessage);
  const Result<MasterToWorker> left = DecodeForWorker(std::span(buffer.data(), packet.size), std::move(packet.fd));
  REQUIRE(left.Ok());
  REQUIRE(std::holds_alternative<ReopenLog>(left.Value()));
  CHECK(std::get<ReopenLog>(left.Value()).incarnation == Incarnation{4});
  CHECK(TakeOne(channel.Value()).outcome == ReceiveOutcome::kEmpty);
}

namespace {

// A connection, as a worker of `channel` gets it; the other end goes to `far`.
Parcel Travelled(SlotChannel& channel, UniqueFd& far, std::uint64_t number = 7) {
  std::array<int, 2> ends{};
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
  far = UniqueFd(ends[1]);
  std::vector<Parcel> parcels(1);
  parcels[0].fd = UniqueFd(ends[0]);
  parcels[0].id = ConnId{number};
  parcels[0].service = ServiceId{3};
  parcels[0].accepted_at = Time(Duration(1234));
  REQUIRE(channel.Send(parcels).sent == 1);
  std::vector<char> buffer(kMaxMessageBytes);
  ReceiveResult packet = ReceiveMessage(channel.WorkerEnd(), buffer);
  REQUIRE(packet.outcome == ReceiveOutcome::kMessage);
  Result<MasterToWorker> message = DecodeForWorker(std::span(buffer.data(), packet.size), std::move(packet.fd));
  REQUIRE(message.Ok());
  return std::move(std::get<HandOver>(message.Value()).parcel);
}

}  // namespace

TEST_CASE("a connection is known again by its seal: its own socket, on its channel, as it was accepted") {
  WorkerRow row;
  WorkerRow other_row;
  SlotChannel channel = SlotChannel::Create(row).Value();
  SlotChannel other = SlotChannel::Create(other_row).Value();
  UniqueFd far;
  UniqueFd far_too;
  Parcel parcel = Travelled(channel, far);
  Parcel stranger = Travelled(other, far_too);
  CHECK(channel.Knows(parcel));
  CHECK_FALSE(other.Knows(parcel));
  CHECK_FALSE(channel.Knows(stranger));
  parcel.peer.length = 2;  // what a worker may learn, and count
  parcel.requests = 99;
  parcel.unread = "x";
  CHECK(channel.Knows(parcel));
  const auto changed = [&](auto change) {
    const std::uint64_t seal = parcel.seal;
    Parcel copy;
    copy.fd = UniqueFd(::fcntl(parcel.fd.Get(), F_DUPFD_CLOEXEC, 0));  // another descriptor of the same socket
    copy.id = parcel.id;
    copy.service = parcel.service;
    copy.listener = parcel.listener;
    copy.accepted_at = parcel.accepted_at;
    copy.seal = seal;
    change(copy);
    return channel.Knows(copy);
  };
  CHECK(changed([](Parcel&) {}));
  CHECK_FALSE(changed([](Parcel& copy) { copy.id = ConnId{8}; }));
  CHECK_FALSE(changed([](Parcel& copy) { copy.service = ServiceId{4}; }));
  CHECK_FALSE(changed([](Parcel& copy) { copy.listener = ListenerId{1}; }));
  CHECK_FALSE(changed([](Parcel& copy) { copy.accepted_at += Duration(1); }));
  CHECK_FALSE(changed([](Parcel& copy) { ++copy.seal; }));
  CHECK_FALSE(changed([&](Parcel& copy) { std::swap(copy.fd, far); }));  // the other end is another socket
}

TEST_CASE("no more is taken back than was given, whatever the row says") {
  WorkerRow row;
  SlotChannel channel = SlotChannel::Create(row).Value();
  CHECK_FALSE(channel.MayHandBack());
  UniqueFd far;
  const Parcel first = Travelled(channel, far, 1);
  const Parcel second = Travelled(channel, far, 2);
  Set(row.handed_over, 1000);  // a lie
  CHECK(channel.MayHandBack());
  channel.CountHandedBack();
  CHECK(channel.MayHandBack());
  Set(row.finished, 1);
  CHECK_FALSE(channel.MayHandBack());
  Set(row.finished, 0);  // and cannot be taken back
  CHECK_FALSE(channel.MayHandBack());
  channel.BeginAnew(1);
  CHECK(channel.MayHandBack());
}

TEST_CASE("a worker of a program that did not know of seals is believed") {
  WorkerRow row;
  SlotChannel channel = SlotChannel::Create(row, kFirstVersionWithSeals - 1).Value();
  Parcel parcel;
  parcel.fd = UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC));
  CHECK(channel.Knows(parcel));
}

}  // namespace preforkd
