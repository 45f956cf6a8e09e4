// Dispatcher: nothing is dropped, order is kept, a slot that does not take stops nobody.
#include "master/dispatcher.h"

#include <doctest/doctest.h>
#include <fcntl.h>

#include <array>
#include <memory>

#include "common/wire/codec.h"
#include "tests/support/wait_until.h"

namespace preforkd {
namespace {

struct World {
  Result<EventLoop> loop = EventLoop::Create();
  std::unique_ptr<MasterPage> page = std::make_unique<MasterPage>();
  std::array<WorkerRow, 4> rows;
  std::vector<SlotChannel> channels;
  std::vector<bool> congestion;  // what was said, in order
  Dispatcher dispatcher{loop.Value(), *page,
                        Dispatcher::Hooks{[this](bool congested) { congestion.push_back(congested); },
                                          [this] { ++all_blocked; }}};
  int all_blocked = 0;  // times it was said
  std::uint64_t last_id = 0;
  std::array<char, kMaxMessageBytes> buffer{};

  World(std::size_t slots, std::uint32_t max_queue, DispatchPolicy policy = DispatchPolicy::kRoundRobin,
        Duration reclaim_after = Duration(0)) {
    DispatchConfig config;
    config.policy = policy;
    config.max_queue = max_queue;
    config.reclaim_after = reclaim_after;
    dispatcher.Configure(config);
    for (std::size_t i = 0; i < slots; ++i) channels.push_back(SlotChannel::Create(rows.at(i)).Value());
    for (std::size_t i = 0; i < slots; ++i) dispatcher.AddSlot(static_cast<Slot>(i), channels[i]);
  }

  void Submit(int count) {
    for (int i = 0; i < count; ++i) {
      Parcel parcel;
      parcel.fd = UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC));
      parcel.id = static_cast<ConnId>(++last_id);
      dispatcher.Submit(std::move(parcel));
    }
    dispatcher.Flush();
  }

  // What the worker of this slot takes now, by number.
  std::vector<std::uint64_t> Take(std::size_t slot, std::size_t most = 1000) {
    std::vector<std::uint64_t> ids;
    while (ids.size() < most) {
      ReceiveResult packet = ReceiveMessage(channels[slot].WorkerEnd(), buffer);
      if (packet.outcome != ReceiveOutcome::kMessage) break;
      Result<MasterToWorker> message =
          DecodeForWorker(std::span(buffer.data(), packet.size), std::move(packet.fd));
      REQUIRE(message.Ok());
      ids.push_back(Raw(std::get<HandOver>(message.Value()).parcel.id));
      Add(rows.at(slot).taken);
    }
    return ids;
  }
};

}  // namespace

TEST_CASE("parcels go out in order, in turn") {
  World world(2, 64);
  world.Submit(6);
  CHECK(world.Take(1) == std::vector<std::uint64_t>{1, 3, 5});
  CHECK(world.Take(0) == std::vector<std::uint64_t>{2, 4, 6});
  CHECK(Get(world.page->handed_over) == 6);
  CHECK(world.congestion.empty());
}

TEST_CASE("a worker that does not take is passed by, and loses nothing") {
  World world(2, 4);
  world.Submit(8);
  CHECK(world.Take(1).size() == 4);
  world.Submit(4);
  CHECK(world.Take(1) == std::vector<std::uint64_t>{9, 10, 11, 12});
  CHECK(world.Take(0) == std::vector<std::uint64_t>{2, 4, 6, 8});
}

TEST_CASE("all full: parcels wait, it is said once, and they go first when there is room") {
  World world(2, 2);
  world.Submit(10);
  CHECK(world.dispatcher.Congested());
  CHECK(world.dispatcher.Waiting() == 6);
  CHECK(Get(world.page->waiting) == 6);
  CHECK(world.congestion == std::vector<bool>{true});
  std::vector<std::uint64_t> taken;
  const bool all = testing::WaitUntil(testing::kPatience, [&] {
    for (const std::size_t slot : {0U, 1U}) {
      for (const std::uint64_t id : world.Take(slot)) taken.push_back(id);
    }
    REQUIRE(world.loop.Value().RunOnce().Ok());  // its own timer looks for room
    return !world.dispatcher.Congested();
  });
  CHECK(all);
  for (const std::size_t slot : {0U, 1U}) {
    for (const std::uint64_t id : world.Take(slot)) taken.push_back(id);
  }
  CHECK(taken.size() == 10);
  CHECK(world.congestion == std::vector<bool>{true, false});
}

TEST_CASE("with no slot at all everything waits for the first one") {
  World world(0, 64);
  world.Submit(5);
  CHECK(world.dispatcher.Waiting() == 5);
  world.channels.push_back(SlotChannel::Create(world.rows.at(0)).Value());
  world.dispatcher.AddSlot(static_cast<Slot>(0), world.channels[0]);
  world.dispatcher.Flush();
  CHECK(world.Take(0) == std::vector<std::uint64_t>{1, 2, 3, 4, 5});
  CHECK_FALSE(world.dispatcher.Congested());
}

TEST_CASE("a slot whose channel is shut takes nothing; the others get it all, its share behind theirs") {
  World world(2, 64);
  world.channels[1].CloseOurSide();
  world.Submit(6);
  CHECK(world.Take(1).empty());
  CHECK(world.Take(0) == std::vector<std::uint64_t>{2, 4, 6, 1, 3, 5});
}

TEST_CASE("a slot that is removed gets nothing more") {
  World world(2, 64);
  world.dispatcher.RemoveSlot(static_cast<Slot>(1));
  world.Submit(3);
  CHECK(world.Take(1).empty());
  CHECK(world.Take(0).size() == 3);
}

TEST_CASE("stopping: what waits is lost, and counted as that") {
  World world(1, 2);
  world.Submit(5);
  CHECK(world.dispatcher.Waiting() == 3);
  world.dispatcher.StopDispatching();
  CHECK(Get(world.page->lost) == 3);
  CHECK(world.dispatcher.Waiting() == 0);
  CHECK(world.Take(0).size() == 2);
}

TEST_CASE("more than one batch to one slot") {
  World world(1, 256);
  world.Submit(150);
  CHECK(world.Take(0).size() == 150);
}

}  // namespace preforkd
