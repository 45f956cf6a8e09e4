// MasterLink: the worker's messages arrive in order, however full the channel is, and an ended master is
// reported.
#include "worker/process/master_link.h"

#include <doctest/doctest.h>
#include <fcntl.h>

#include <array>
#include <vector>

#include "common/channel/channel_end.h"
#include "common/event/timer.h"
#include "tests/support/fd_snapshot.h"
#include "tests/support/wait_until.h"

namespace preforkd::testing {
namespace {

constexpr WorkerId kWorker{static_cast<Slot>(1), static_cast<Incarnation>(2)};

HandBack MakeHandBack(std::uint64_t number) {
  HandBack message;
  message.id = kWorker;
  message.parcel.fd = UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC));
  message.parcel.id = static_cast<ConnId>(number);
  message.parcel.context = std::string(1000, 'c');
  return message;
}

struct Ends {
  Result<EventLoop> loop = EventLoop::Create();
  Result<SocketPair> pair = MakeChannelPair();
  int readable = 0;
  MasterLink link{loop.Value(), std::move(pair.Value().second), [this] { ++readable; }};

  // The number of the next hand-back that the master reads; 0 when there is none now.
  std::uint64_t ReceiveNumber() {
    const Reception<WorkerToMaster> reception =
        ChannelEnd(pair.Value().first.Get(), kWireVersion).ReceiveFromWorker();
    if (reception.outcome == Heard::kNothing) return 0;
    REQUIRE(reception.outcome == Heard::kMessage);
    return Raw(std::get<HandedBack>(*reception.message).parcel.Id());
  }

  void Turn() {
    Timer guard(loop.Value(), EventLoop::kPriorityControl, [] {});
    guard.SetAfter(std::chrono::milliseconds(1));
    REQUIRE(loop.Value().RunOnce().Ok());
  }
};

}  // namespace

TEST_CASE("far more messages than the channel holds all arrive, in order, and no descriptor is left") {
  const FdSnapshot before = FdSnapshot::OfSelf();
  {
    Ends ends;
    constexpr std::uint64_t kMessages = 2000;
    for (std::uint64_t number = 1; number <= kMessages; ++number) {
      HandBack message = MakeHandBack(number);
      REQUIRE(ends.link.Send(message));
      CHECK_FALSE(message.parcel.fd.Valid());
    }
    CHECK_FALSE(ends.link.Drained());
    bool drained = false;
    ends.link.OnDrained([&] { drained = true; });
    std::uint64_t expected = 1;
    const Time end = Now() + kTimeout;
    while (expected <= kMessages && Now() < end) {
      for (std::uint64_t number = ends.ReceiveNumber(); number != 0; number = ends.ReceiveNumber()) {
        REQUIRE(number == expected++);
      }
      ends.Turn();
    }
    CHECK(expected == kMessages + 1);
    CHECK(drained);
    CHECK(ends.link.Drained());
  }
  CHECK(FdSnapshot::OfSelf() == before);
}

TEST_CASE("an ended master: the message stays the caller's, with its descriptor") {
  Ends ends;
  ends.pair.Value().first.Reset();
  HandBack message = MakeHandBack(1);
  CHECK_FALSE(ends.link.Send(message));
  CHECK(message.parcel.fd.Valid());
  CHECK(Raw(message.parcel.id) == 1);
  Ready ready{kWorker};
  CHECK_FALSE(ends.link.Send(ready));
}

TEST_CASE("a master that exits while messages wait: they are dropped, and that is reported too") {
  const FdSnapshot before = FdSnapshot::OfSelf();
  {
    Ends ends;
    std::uint64_t last = 0;
    const auto send = [&] {
      HandBack message = MakeHandBack(++last);
      REQUIRE(ends.link.Send(message));
    };
    while (ends.link.Drained()) send();
    const std::uint64_t first_waiting = last;
    send();
    send();
    std::vector<std::uint64_t> dropped;
    ends.link.OnDropped([&](ConnId id) { dropped.push_back(Raw(id)); });
    bool drained = false;
    ends.link.OnDrained([&] { drained = true; });
    ends.pair.Value().first.Reset();
    const Time end = Now() + kTimeout;
    while (!drained && Now() < end) ends.Turn();
    CHECK(drained);
    CHECK(dropped == std::vector<std::uint64_t>{first_waiting, first_waiting + 1, first_waiting + 2});
  }
  CHECK(FdSnapshot::OfSelf() == before);
}

TEST_CASE("it receives only when it is told to") {
  Ends ends;
  const OutMessage out{"x", -1};
  REQUIRE(SendMessages(ends.pair.Value().first.Get(), std::span(&out, 1)).sent == 1);
  for (int i = 0; i < 3; ++i) ends.Turn();
  CHECK(ends.readable == 0);
  REQUIRE(ends.link.SetReading(true).Ok());
  for (int i = 0; i < 3; ++i) ends.Turn();
  CHECK(ends.readable > 0);
}

}  // namespace preforkd::testing
