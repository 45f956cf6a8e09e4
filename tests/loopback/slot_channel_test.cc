// SlotChannel: untaken parcels can be reclaimed, and the ledger always balances.
#include "master/dispatch/slot_channel.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <array>
#include <utility>
#include <vector>

#include "common/channel/channel_end.h"
#include "common/net/socket_ops.h"
#include "tests/support/fd_snapshot.h"
#include "tests/support/fork_peer.h"
#include "tests/support/parcels.h"

namespace preforkd::testing {
namespace {

Ledger& Book() {
  static MasterPage page;
  static Ledger ledger(page);
  return ledger;
}

std::vector<PackedParcel> MakeParcels(std::uint64_t first, std::uint64_t count) {
  std::vector<PackedParcel> parcels;
  for (std::uint64_t i = 0; i < count; ++i) {
    Parcel parcel;
    parcel.fd = UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC));
    parcel.id = static_cast<ConnId>(first + i);
    parcel.context = fmt::format("context of {}", first + i);
    parcels.push_back(Pack(std::move(parcel), kWireVersion));
  }
  Book().Accepted(count);
  return parcels;
}

// As a worker does: receives one message from its end.
Reception<MasterToWorker> TakeOne(const SlotChannel& channel) {
  return ChannelEnd(channel.WorkerEnd(), kWireVersion).ReceiveFromMaster();
}

}  // namespace

TEST_CASE("a sent parcel is closed here, counted, and in the channel") {
  const FdSnapshot before = FdSnapshot::OfSelf();
  {
    WorkerRow row;
    Result<SlotChannel> channel = SlotChannel::Create(Book(), row, kWireVersion);
    REQUIRE(channel.Ok());
    std::vector<PackedParcel> parcels = MakeParcels(1, 5);
    CHECK(channel.Value().Send(parcels).sent == 5);
    for (const PackedParcel& parcel : parcels) CHECK_FALSE(parcel.fd.Valid());
    CHECK(Get(row.handed_over) == 5);
    CHECK(channel.Value().Load() == 5);
    CHECK(channel.Value().Queued() == 5);
  }
  CHECK(FdSnapshot::OfSelf() == before);
}

TEST_CASE("a worker of the version before gets no rhythm; what it cannot take keeps its own version") {
  constexpr WireVersion kOld{4};
  WorkerRow row;
  SlotChannel channel = SlotChannel::Create(Book(), row, kOld).Value();
  std::vector<PackedParcel> parcels = MakeParcels(1, 2);
  for (PackedParcel& parcel : parcels) {
    ParcelHead head = parcel.Head();
    head.stay_ms = 500;
    head.idle_ns = 77;
    parcel.SetHead(head);
  }
  CHECK(channel.Send(std::span(parcels).first(1)).sent == 1);
  Reception<MasterToWorker> taken = ChannelEnd(channel.WorkerEnd(), kOld).ReceiveFromMaster();
  REQUIRE(taken.outcome == Heard::kMessage);
  CHECK(std::get<HandOver>(*taken.message).parcel.stay == Duration(0));
  channel.CloseOurSide();
  CHECK(channel.Send(std::span(parcels).last(1)).sent == 0);
  CHECK(parcels[1].Head().seal == 0);  // not the one for that channel
  CHECK(Unpack(std::move(parcels[1])).id == ConnId{2});
}

bool Knows(const SlotChannel& channel, PackedParcel parcel) { return channel.Knows(parcel); }

// What `channel` says of a connection given in one stage of TLS and returned in another.
bool KnowsAfter(SlotChannel& channel, WorkerRow& row, TlsStage given, TlsStage returned) {
  const auto with_keys = [](TlsStage stage) { return SecretBytes(HasSession(stage) ? 150 : 0, 'k'); };
  Parcel parcel;
  parcel.fd = UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  parcel.tls = given;
  parcel.tls_state = with_keys(given);
  std::vector<PackedParcel> parcels;
  parcels.push_back(Pack(std::move(parcel), kWireVersion));
  Book().Accepted(1);
  REQUIRE(channel.Send(parcels).sent == 1);
  Reception<MasterToWorker> taken = TakeOne(channel);
  REQUIRE(taken.outcome == Heard::kMessage);
  Add(row.taken);
  Parcel back = std::move(std::get<HandOver>(*taken.message).parcel);
  back.tls = returned;
  back.tls_state = with_keys(returned);
  return Knows(channel, Pack(std::move(back), kWireVersion));
}

TEST_CASE("a worker can change a connection's stage of TLS only from handshake to session") {
  WorkerRow row;
  Result<SlotChannel> channel = SlotChannel::Create(Book(), row, kWireVersion);
  REQUIRE(channel.Ok());
  constexpr TlsStage kStages[] = {TlsStage::kNone, TlsStage::kHandshakeDue, TlsStage::kEstablished,
                                  TlsStage::kGoodbyeDue};
  for (const TlsStage given : kStages) {
    for (const TlsStage returned : kStages) {
      CAPTURE(static_cast<int>(given));
      CAPTURE(static_cast<int>(returned));
      const bool made = given == TlsStage::kHandshakeDue && returned == TlsStage::kEstablished;
      CHECK(KnowsAfter(channel.Value(), row, given, returned) == (given == returned || made));
    }
  }
}

TEST_CASE("reclaim brings back exactly the untaken parcels, in order, whole") {
  WorkerRow row;
  Result<SlotChannel> channel = SlotChannel::Create(Book(), row, kWireVersion);
  REQUIRE(channel.Ok());
  std::vector<PackedParcel> parcels = MakeParcels(1, 10);
  REQUIRE(channel.Value().Send(parcels).sent == 10);
  for (int i = 0; i < 3; ++i) {
    REQUIRE(TakeOne(channel.Value()).outcome == Heard::kMessage);
    Add(row.taken);
  }
  std::vector<PackedParcel> back;
  CHECK(channel.Value().Reclaim(back) == 7);
  REQUIRE(back.size() == 7);
  for (std::size_t i = 0; i < back.size(); ++i) {
    const Parcel parcel = Unpack(std::move(back[i]));
    CHECK(Raw(parcel.id) == i + 4);
    CHECK(parcel.context == fmt::format("context of {}", i + 4));
    CHECK(parcel.reclaims == 1);
    CHECK(parcel.fd.Valid());
  }
  CHECK(channel.Value().Load() == 3);
  CHECK(channel.Value().Queued() == 0);
  CHECK(channel.Value().Reclaim(back) == 0);
}

TEST_CASE("the ledger: finished and handed-back connections end the load; it never goes below 0") {
  WorkerRow row;
  Result<SlotChannel> channel = SlotChannel::Create(Book(), row, kWireVersion);
  REQUIRE(channel.Ok());
  std::vector<PackedParcel> parcels = MakeParcels(1, 4);
  REQUIRE(channel.Value().Send(parcels).sent == 4);
  Add(row.finished, 2);
  channel.Value().CountReturned(ReturnReason::kIdle);
  CHECK(channel.Value().Load() == 1);
  Add(row.finished, 100);  // a misbehaving worker
  CHECK(channel.Value().Load() == 0);
}

TEST_CASE("a full channel: unsent parcels are unchanged") {
  WorkerRow row;
  Result<SlotChannel> channel = SlotChannel::Create(Book(), row, kWireVersion);
  REQUIRE(channel.Ok());
  SendResult result;
  std::vector<PackedParcel> parcels;
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
    CHECK_FALSE(Unpack(std::move(parcels[i])).context.empty());
  }
  CHECK(channel.Value().Load() == sent);
  std::vector<PackedParcel> back;
  CHECK(channel.Value().Reclaim(back) == sent);
}

TEST_CASE(
    "our side shut down: the worker still takes queued parcels, then reads end of file, and can answer") {
  WorkerRow row;
  Result<SlotChannel> channel = SlotChannel::Create(Book(), row, kWireVersion);
  REQUIRE(channel.Ok());
  std::vector<PackedParcel> parcels = MakeParcels(1, 1);
  REQUIRE(channel.Value().Send(parcels).sent == 1);
  channel.Value().CloseOurSide();
  CHECK(TakeOne(channel.Value()).outcome == Heard::kMessage);
  CHECK(TakeOne(channel.Value()).outcome == Heard::kEnd);
  std::string bytes;
  CHECK(ChannelEnd(channel.Value().WorkerEnd(), kWireVersion).Send(Ready{}, bytes).sent == 1);
  CHECK(channel.Value().Receive().outcome == Heard::kMessage);
}

TEST_CASE("a reclaim without a free descriptor leaves the parcels in the channel") {
  enum { kNoChannel = 1, kTookSome, kLostSome };
  const PeerResult result = RunPeer([] {
    WorkerRow row;
    Result<SlotChannel> channel = SlotChannel::Create(Book(), row, kWireVersion);
    std::vector<PackedParcel> parcels = MakeParcels(1, 5);
    if (!channel.Ok() || channel.Value().Send(parcels).sent != 5) return int{kNoChannel};
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    rlimit limit = before;
    limit.rlim_cur = 0;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    std::vector<PackedParcel> back;
    const std::size_t taken = channel.Value().Reclaim(back);
    ::setrlimit(RLIMIT_NOFILE, &before);
    if (taken != 0) return int{kTookSome};
    return channel.Value().Reclaim(back) == 5 ? 0 : int{kLostSome};
  });
  CHECK_MESSAGE(result.Ok(), result.Text());
}

TEST_CASE("a log file among untaken parcels is not reclaimed with them; a nudge is") {
  WorkerRow row;
  Result<SlotChannel> channel = SlotChannel::Create(Book(), row, kWireVersion);
  REQUIRE(channel.Ok());
  std::vector<PackedParcel> parcels = MakeParcels(1, 2);
  REQUIRE(channel.Value().Send(parcels).sent == 2);
  channel.Value().Nudge();
  const ReopenLog log_file{Incarnation{4}, LogKind::kServer, log::Sink::kFile, 1,
                           UniqueFd(::open("/dev/null", O_WRONLY | O_CLOEXEC))};
  REQUIRE(channel.Value().Send(log_file).sent == 1);
  std::vector<PackedParcel> back;
  CHECK(channel.Value().Reclaim(back) == 2);
  const Reception<MasterToWorker> left = TakeOne(channel.Value());
  REQUIRE(left.outcome == Heard::kMessage);
  REQUIRE(std::holds_alternative<ReopenLog>(*left.message));
  CHECK(std::get<ReopenLog>(*left.message).incarnation == Incarnation{4});
  CHECK(TakeOne(channel.Value()).outcome == Heard::kNothing);
}

namespace {

// A connection, as a worker of `channel` gets it; the other end goes to `far`.
Parcel Travelled(SlotChannel& channel, UniqueFd& far, std::uint64_t number = 7) {
  std::array<int, 2> ends{};
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
  far = UniqueFd(ends[1]);
  Parcel parcel;
  parcel.fd = UniqueFd(ends[0]);
  parcel.id = ConnId{number};
  parcel.service = ServiceId{3};
  parcel.accepted_at = Time(Duration(1234));
  std::vector<PackedParcel> parcels;
  parcels.push_back(Pack(std::move(parcel), kWireVersion));
  Book().Accepted(1);
  REQUIRE(channel.Send(parcels).sent == 1);
  Reception<MasterToWorker> taken = TakeOne(channel);
  REQUIRE(taken.outcome == Heard::kMessage);
  return std::move(std::get<HandOver>(*taken.message).parcel);
}

// As the worker would hand it back: another descriptor of the same socket.
PackedParcel Returned(const Parcel& parcel) {
  Parcel copy;
  copy.fd = UniqueFd(::fcntl(parcel.fd.Get(), F_DUPFD_CLOEXEC, 0));
  copy.id = parcel.id;
  copy.listener = parcel.listener;
  copy.service = parcel.service;
  copy.peer = parcel.peer;
  copy.accepted_at = parcel.accepted_at;
  copy.seal = parcel.seal;
  copy.requests = parcel.requests;
  copy.unread = parcel.unread;
  return Pack(std::move(copy), kWireVersion);
}

}  // namespace

TEST_CASE("one that is recognized is sealed for its next worker without another question to the kernel") {
  WorkerRow row;
  SlotChannel channel = SlotChannel::Create(Book(), row, kWireVersion).Value();
  UniqueFd far;
  Parcel parcel = Travelled(channel, far);
  const std::uint64_t seal = parcel.seal;
  std::vector<PackedParcel> back;
  back.push_back(Returned(parcel));
  REQUIRE(channel.Knows(back[0]));
  CHECK(back[0].Head().seal == SocketCookie(parcel.fd.Get()));
  Add(row.taken);
  channel.CountReturned(ReturnReason::kIdle);
  REQUIRE(channel.Send(back).sent == 1);
  Reception<MasterToWorker> taken = TakeOne(channel);
  REQUIRE(taken.outcome == Heard::kMessage);
  CHECK(std::get<HandOver>(*taken.message).parcel.seal == seal);
  parcel.seal = SocketCookie(parcel.fd.Get());  // a worker that has understood that
  CHECK_FALSE(Knows(channel, Returned(parcel)));
}

TEST_CASE("a connection is recognized by its seal: its own socket, on its channel, as it was accepted") {
  WorkerRow row;
  WorkerRow other_row;
  SlotChannel channel = SlotChannel::Create(Book(), row, kWireVersion).Value();
  SlotChannel other = SlotChannel::Create(Book(), other_row, kWireVersion).Value();
  UniqueFd far;
  UniqueFd far_too;
  Parcel parcel = Travelled(channel, far);
  Parcel other_parcel = Travelled(other, far_too);
  CHECK(Knows(channel, Returned(parcel)));
  CHECK_FALSE(Knows(other, Returned(parcel)));
  CHECK_FALSE(Knows(channel, Returned(other_parcel)));
  parcel.peer.length = 2;  // values that a worker may change
  parcel.requests = 99;
  parcel.unread = "x";
  CHECK(Knows(channel, Returned(parcel)));
  const auto changed = [&](auto change) {
    const std::uint64_t seal = parcel.seal;
    Parcel copy;
    copy.fd =
        UniqueFd(::fcntl(parcel.fd.Get(), F_DUPFD_CLOEXEC, 0));  // another descriptor of the same socket
    copy.id = parcel.id;
    copy.service = parcel.service;
    copy.listener = parcel.listener;
    copy.accepted_at = parcel.accepted_at;
    copy.seal = seal;
    change(copy);
    return Knows(channel, Returned(copy));
  };
  CHECK(changed([](Parcel&) {}));
  CHECK_FALSE(changed([](Parcel& copy) { copy.id = ConnId{8}; }));
  CHECK_FALSE(changed([](Parcel& copy) { copy.service = ServiceId{4}; }));
  CHECK_FALSE(changed([](Parcel& copy) { copy.listener = ListenerId{1}; }));
  CHECK_FALSE(changed([](Parcel& copy) { copy.accepted_at += Duration(1); }));
  CHECK_FALSE(changed([](Parcel& copy) { ++copy.seal; }));
  CHECK_FALSE(changed([&](Parcel& copy) { std::swap(copy.fd, far); }));  // the other end is another socket
}

TEST_CASE("no more is reclaimed than was handed over, whatever the row holds") {
  WorkerRow row;
  SlotChannel channel = SlotChannel::Create(Book(), row, kWireVersion).Value();
  CHECK_FALSE(channel.MayHandBack());
  UniqueFd far;
  const Parcel first = Travelled(channel, far, 1);
  const Parcel second = Travelled(channel, far, 2);
  Set(row.handed_over, 1000);  // a forged value
  CHECK(channel.MayHandBack());
  channel.CountReturned(ReturnReason::kIdle);
  CHECK(channel.MayHandBack());
  Set(row.finished, 1);
  CHECK_FALSE(channel.MayHandBack());
  Set(row.finished, 0);  // and the forgery stays
  CHECK_FALSE(channel.MayHandBack());
  channel.StartIncarnation(1);
  CHECK(channel.MayHandBack());
}

}  // namespace preforkd::testing
