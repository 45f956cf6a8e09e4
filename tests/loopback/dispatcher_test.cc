// Dispatcher: nothing is dropped, order is kept, and a slot that does not take delays no other slot.
#include "master/dispatch/dispatcher.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <random>

#include "common/channel/channel_end.h"
#include "tests/support/parcels.h"
#include "tests/support/thread_steps.h"
#include "tests/support/wait_until.h"

namespace preforkd::testing {
namespace {

struct World {
  Result<EventLoop> loop = EventLoop::Create();
  std::unique_ptr<MasterPage> page = std::make_unique<MasterPage>();
  std::unique_ptr<PoolRow> pool = std::make_unique<PoolRow>();
  Ledger ledger{*page};
  std::array<WorkerRow, 8> rows;
  std::vector<SlotChannel> channels;
  std::vector<bool> congestion;  // the reports, in order
  Dispatcher dispatcher{
      loop.Value(), *page, *pool, ledger,
      Dispatcher::Hooks{[this](bool congested) { congestion.push_back(congested); }, [this] { ++all_slow; }}};
  int all_slow = 0;  // number of reports
  std::uint64_t last_id = 0;
  std::map<std::uint64_t, std::uint32_t> reclaims;  // of the parcels that were taken
  std::vector<std::unique_ptr<ThreadSteps>> gauges;

  World(std::size_t slots, std::uint32_t max_queue, DispatchPolicy policy = DispatchPolicy::kRoundRobin,
        Duration reclaim_after = Duration(0)) {
    DispatchConfig config;
    config.policy = policy;
    config.max_queue = max_queue;
    config.reclaim_after = reclaim_after;
    dispatcher.Configure(config);
    for (std::size_t i = 0; i < slots; ++i)
      channels.push_back(SlotChannel::Create(ledger, rows.at(i), kWireVersion).Value());
    for (std::size_t i = 0; i < slots; ++i) dispatcher.AddSlot(static_cast<Slot>(i), channels[i]);
  }

  void Submit(int count) {
    for (int i = 0; i < count; ++i) dispatcher.SubmitAccepted(MakeParcel(++last_id));
    dispatcher.Flush();
  }

  // The worker in this slot has so many application threads.
  ThreadSteps& GiveThreads(std::size_t slot, std::uint32_t threads) {
    gauges.push_back(
        std::make_unique<ThreadSteps>(rows.at(slot), page->load_marks, static_cast<Slot>(slot), threads));
    dispatcher.AddSlot(static_cast<Slot>(slot), channels[slot]);  // it looks for threads then
    return *gauges.back();
  }

  void Beat(std::size_t slot) { Set(rows.at(slot).heartbeat_ns, NowNanoseconds()); }
  void EnterCallback(std::size_t slot) { Set(rows.at(slot).callback_since_ns, NowNanoseconds()); }
  void LeaveCallback(std::size_t slot) { Set(rows.at(slot).callback_since_ns, 0); }
  static std::uint64_t NowNanoseconds() { return static_cast<std::uint64_t>(ToNanoseconds(Now())); }

  // Turns the loop until `condition` holds; every turn is one of the dispatcher's own timer.
  template <typename Condition>
  bool TurnUntil(Condition condition) {
    return WaitUntil(kTimeout, [&] {
      if (condition()) return true;
      REQUIRE(loop.Value().RunOnce().Ok());
      return condition();
    });
  }

  // Takes what is in the channel of this slot, as its worker; returns the numbers of the connections.
  std::vector<std::uint64_t> Take(std::size_t slot, std::size_t max = 1000) {
    std::vector<std::uint64_t> ids;
    while (ids.size() < max) {
      Reception<MasterToWorker> reception =
          ChannelEnd(channels[slot].WorkerEnd(), kWireVersion).ReceiveFromMaster();
      if (reception.outcome == Heard::kNothing || reception.outcome == Heard::kEnd) break;
      REQUIRE(reception.outcome == Heard::kMessage);
      if (std::holds_alternative<Nudge>(*reception.message)) {
        Beat(slot);
        continue;
      }
      const Parcel& parcel = std::get<HandOver>(*reception.message).parcel;
      ids.push_back(Raw(parcel.id));
      reclaims[Raw(parcel.id)] = parcel.reclaims;
      Tally(rows.at(slot), page->load_marks, static_cast<Slot>(slot)).Taken();
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
  CHECK(world.page->handed_over.Sum() == 6);
  CHECK(world.congestion.empty());
}

TEST_CASE("a worker that does not take is skipped, and loses nothing") {
  World world(2, 4);
  world.Submit(8);
  CHECK(world.Take(1).size() == 4);
  world.Submit(4);
  CHECK(world.Take(1) == std::vector<std::uint64_t>{9, 10, 11, 12});
  CHECK(world.Take(0) == std::vector<std::uint64_t>{2, 4, 6, 8});
}

TEST_CASE("all full: parcels wait, that is reported once, and they go first when there is room") {
  World world(2, 2);
  world.Submit(10);
  CHECK(world.dispatcher.Congested());
  CHECK(world.dispatcher.Waiting() == 6);
  CHECK(Get(world.page->waiting) == 6);
  CHECK(world.congestion == std::vector<bool>{true});
  std::vector<std::uint64_t> taken;
  const bool all = WaitUntil(kTimeout, [&] {
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

TEST_CASE("without any slot all parcels wait for the first one") {
  World world(0, 64);
  world.Submit(5);
  CHECK(world.dispatcher.Waiting() == 5);
  world.channels.push_back(SlotChannel::Create(world.ledger, world.rows.at(0), kWireVersion).Value());
  world.dispatcher.AddSlot(static_cast<Slot>(0), world.channels[0]);
  world.dispatcher.Flush();
  CHECK(world.Take(0) == std::vector<std::uint64_t>{1, 2, 3, 4, 5});
  CHECK_FALSE(world.dispatcher.Congested());
}

TEST_CASE("a slot whose channel is shut down takes nothing; the others get its share behind their own") {
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

TEST_CASE("the least loaded slot is chosen by the connections that workers have finished meanwhile") {
  World world(4, 1000, DispatchPolicy::kLeastConnections);
  std::mt19937 random(3);
  std::array<std::uint64_t, 4> live{};
  for (int step = 0; step < 2000; ++step) {
    // Some connections end in random slots; then a new one arrives.
    for (auto ends = random() % 3; ends > 0; --ends) {
      const std::size_t slot = random() % 4;
      if (live[slot] == 0) continue;
      --live[slot];
      Add(world.rows[slot].finished);
      world.page->load_marks.Mark(static_cast<Slot>(slot));
    }
    const std::uint64_t least = *std::min_element(live.begin(), live.end());
    world.Submit(1);
    for (std::size_t slot = 0; slot < 4; ++slot) {
      if (world.Take(slot).empty()) continue;
      REQUIRE(live[slot] == least);
      ++live[slot];
    }
  }
  CHECK(world.page->handed_over.Sum() == 2000);
}

TEST_CASE("fast workers are given connections in bundles; when they are slow, every worker gets some") {
  World world(8, 64, DispatchPolicy::kLeastConnections, std::chrono::hours(1));
  DispatchConfig config;
  config.gather = 3;
  config.reclaim_after = std::chrono::hours(1);
  world.dispatcher.Configure(config, 2);
  const auto serve = [&](Duration each) {
    for (WorkerRow& row : world.rows) {
      Add(row.callbacks, 100);
      Add(row.busy_ns, 100 * static_cast<std::uint64_t>(each.count()));
    }
  };
  // Submits eight, which are served and finished at once. Returns the number of slots that got some.
  const auto users_of_eight = [&] {
    world.Submit(8);
    std::size_t users = 0;
    for (std::size_t slot = 0; slot < world.rows.size(); ++slot) {
      const std::size_t taken = world.Take(slot).size();
      users += taken > 0 ? 1 : 0;
      Add(world.rows[slot].finished, taken);
      world.page->load_marks.Mark(static_cast<Slot>(slot));
    }
    return users;
  };
  CHECK(users_of_eight() == 8);  // no speed is known yet
  CHECK_FALSE(world.pool->gathers);
  serve(std::chrono::microseconds(10));
  CHECK(WaitUntil(kTimeout, [&] { return users_of_eight() == 3; }));  // it checks the speed from time to time
  CHECK(world.pool->gathers);
  serve(milliseconds(1));
  CHECK(WaitUntil(kTimeout, [&] { return users_of_eight() == 8; }));
  CHECK_FALSE(world.pool->gathers);
}

TEST_CASE("a slot that had no room is chosen again as soon as it has room") {
  World world(2, 1, DispatchPolicy::kLeastConnections);
  world.Submit(2);
  world.Submit(1);
  CHECK(world.dispatcher.Waiting() == 1);
  CHECK(world.Take(0).size() == 1);  // sets no mark: no connection has ended
  world.dispatcher.Flush();
  CHECK(world.Take(0) == std::vector<std::uint64_t>{3});
}

TEST_CASE("application threads: a slot with a free one is chosen, whatever the number of its connections") {
  for (const DispatchPolicy policy : {DispatchPolicy::kLeastConnections, DispatchPolicy::kRoundRobin}) {
    World world(3, 64, policy);
    ThreadSteps& first = world.GiveThreads(0, 1);
    ThreadSteps& second = world.GiveThreads(1, 1);
    ThreadSteps& third = world.GiveThreads(2, 2);
    world.Submit(4);  // one on its way to each thread
    CHECK(world.Take(0).size() == 1);
    CHECK(world.Take(1).size() == 1);
    CHECK(world.Take(2).size() == 2);
    first.Started(Now());
    second.Started(Now());
    third.Started(Now());
    world.Submit(1);
    CHECK(world.Take(2).size() == 1);  // it has the most connections, and the only free thread
    third.Started(Now());
    world.Submit(3);  // none is free: they go out all the same
    CHECK(world.Take(0).size() + world.Take(1).size() + world.Take(2).size() == 3);
    second.Finished();
    world.Submit(1);
    CHECK(world.Take(1).size() == 1);
  }
}

TEST_CASE("application threads: a thread that became busy or free by itself is noticed before the choice") {
  World world(2, 64, DispatchPolicy::kLeastConnections);
  ThreadSteps& first = world.GiveThreads(0, 1);
  ThreadSteps& second = world.GiveThreads(1, 1);
  for (int round = 0; round < 50; ++round) {
    // The next request of a client that its worker still holds.
    ThreadSteps& busy = round % 2 == 0 ? first : second;
    busy.Started(Now());
    world.Submit(1);
    const std::size_t free = round % 2 == 0 ? 1 : 0;
    REQUIRE(world.Take(free).size() == 1);
    REQUIRE(world.Take(1 - free).empty());
    busy.Finished();
  }
}

TEST_CASE("application threads: a client that sends slowly takes no thread once its connection is taken") {
  World world(2, 64, DispatchPolicy::kLeastConnections);
  (void)world.GiveThreads(0, 1);
  ThreadSteps& busy = world.GiveThreads(1, 1);
  world.Submit(2);
  REQUIRE(world.Take(0).size() == 1);
  REQUIRE(world.Take(1).size() == 1);
  busy.Started(Now());
  for (int i = 0; i < 20; ++i) {
    world.Submit(1);
    REQUIRE(world.Take(0).size() == 1);
    REQUIRE(world.Take(1).empty());
  }
}

TEST_CASE("application threads: nothing is gathered, however short the callbacks are") {
  World world(4, 64, DispatchPolicy::kLeastConnections, std::chrono::hours(1));
  for (const std::size_t slot : {0U, 1U, 2U, 3U}) (void)world.GiveThreads(slot, 4);
  DispatchConfig config;
  config.gather = 3;
  config.reclaim_after = std::chrono::hours(1);
  world.dispatcher.Configure(config, 2);
  for (int round = 0; round < 3; ++round) {
    for (WorkerRow& row : world.rows) {
      Add(row.callbacks, 1000);
      Add(row.busy_ns, 1000);
    }
    REQUIRE(WaitUntil(kTimeout, [&, start = Now()] { return Now() - start >= milliseconds(101); }));
    world.Submit(4);
    for (const std::size_t slot : {0U, 1U, 2U, 3U}) CHECK(world.Take(slot).size() == 1);
  }
  CHECK_FALSE(world.pool->gathers);
}

TEST_CASE(
    "application threads: whatever happens, no connection waits behind a busy thread beside a free one") {
  World world(4, 1000, DispatchPolicy::kLeastConnections);
  for (const std::size_t slot : {0U, 1U, 2U, 3U})
    (void)world.GiveThreads(slot, static_cast<std::uint32_t>(slot % 2 + 1));
  std::mt19937 random(11);
  int waited = 0;
  for (int step = 0; step < 3000; ++step) {
    const std::size_t slot = random() % 4;
    WorkerRow& row = world.rows[slot];
    if (random() % 2 == 0) {
      if (Get(row.threads_busy) > 0) {
        world.gauges[slot]->Finished();
        if (Get(row.requests_waiting) > 0) {
          world.gauges[slot]->Unqueued();
          world.gauges[slot]->Started(Now());
        } else if (row.Connections() > 0) {
          Add(row.finished);
          world.page->load_marks.Mark(static_cast<Slot>(slot));
        }
      }
      continue;
    }
    const bool one_free = std::any_of(world.rows.begin(), world.rows.begin() + 4,
                                      [](const WorkerRow& each) { return FreeThreads(each) > 0; });
    world.Submit(1);
    for (const std::size_t each : {0U, 1U, 2U, 3U}) {
      if (world.channels[each].Queued() == 0) continue;
      const bool free = Get(world.rows[each].threads_busy) < Get(world.rows[each].threads);
      REQUIRE(free == one_free);
      REQUIRE(world.Take(each).size() == 1);
      if (free) {
        if (random() % 3 != 0) world.gauges[each]->Started(Now());  // else its client sends slowly
      } else {
        world.gauges[each]->Queued();
        ++waited;
      }
    }
  }
  CHECK(waited > 50);
}

TEST_CASE("waiting connections that are given up are lost, and counted with the reason") {
  World world(1, 2);
  world.Submit(5);
  CHECK(world.dispatcher.Waiting() == 3);
  world.dispatcher.GiveUpWaiting(LossReason::kStopped);
  CHECK(Get(world.page->lost) == 3);
  CHECK(Get(world.page->lost_by[static_cast<std::size_t>(LossReason::kStopped)]) == 3);
  CHECK_FALSE(world.dispatcher.Congested());
  CHECK(world.dispatcher.Waiting() == 0);
  CHECK(world.Take(0).size() == 2);
}

TEST_CASE("more than one batch to one slot") {
  World world(1, 256);
  world.Submit(150);
  CHECK(world.Take(0).size() == 150);
}

TEST_CASE("parcels that a stuck slot has not taken go to the others, in order, before newer ones") {
  World world(2, 64, DispatchPolicy::kRoundRobin, milliseconds(10));
  world.EnterCallback(0);
  world.Submit(8);
  CHECK(world.Take(1) == std::vector<std::uint64_t>{1, 3, 5, 7});
  REQUIRE(world.TurnUntil([&] { return Get(world.page->reclaimed) == 4; }));
  CHECK(world.Take(1) == std::vector<std::uint64_t>{2, 4, 6, 8});
  for (const std::uint64_t id : {2U, 4U, 6U, 8U}) CHECK(world.reclaims[id] == 1);
  world.Submit(4);  // it is skipped until it takes again
  CHECK(world.Take(0).empty());
  CHECK(world.Take(1).size() == 4);
  world.LeaveCallback(0);
  world.Submit(4);
  CHECK(world.Take(0).size() == 2);
}

TEST_CASE("a slot whose worker only got no CPU is nudged, and chosen again as soon as it runs") {
  World world(1, 64, DispatchPolicy::kLeastConnections, milliseconds(10));
  world.Submit(3);
  REQUIRE(world.TurnUntil([&] { return world.dispatcher.Waiting() == 3; }));
  CHECK(world.Take(0).empty());  // it reads the nudge, and writes its heartbeat
  REQUIRE(world.TurnUntil([&] { return world.dispatcher.Waiting() == 0; }));
  CHECK(world.Take(0) == std::vector<std::uint64_t>{1, 2, 3});
}

TEST_CASE("a parcel is moved three times at most; then it stays where the queue is shortest") {
  World world(2, 64, DispatchPolicy::kRoundRobin, milliseconds(5));
  world.Submit(1);
  // Each slot is stuck in turn, and runs again when the other one has the parcel.
  const bool moved = world.TurnUntil([&] {
    for (const std::size_t slot : {0U, 1U}) {
      if (world.channels[slot].Queued() == 0) world.Beat(slot);
    }
    return Get(world.page->reclaimed) == 3;
  });
  REQUIRE(moved);
  // Its time for another move passes: no timer runs for it, and a flush does not move it.
  CHECK(HoldsFor(milliseconds(30), [&] {
    world.dispatcher.Flush();
    return Get(world.page->reclaimed) == 3 && world.dispatcher.Waiting() == 0;
  }));
  std::vector<std::uint64_t> taken = world.Take(0);
  for (const std::uint64_t id : world.Take(1)) taken.push_back(id);
  CHECK(taken == std::vector<std::uint64_t>{1});
  CHECK(world.reclaims[1] == 3);
}

TEST_CASE("a parcel that has been moved often enough still goes to a free slot rather than to a stuck one") {
  World world(2, 64, DispatchPolicy::kRoundRobin, milliseconds(5));
  world.EnterCallback(0);
  REQUIRE(WaitUntil(kTimeout, [&, start = Now()] { return Now() - start >= milliseconds(5); }));
  PackedParcel parcel = MakeParcel(++world.last_id);
  ParcelHead head = parcel.Head();
  head.reclaims = 3;
  parcel.SetHead(head);
  world.ledger.Restored(1);
  world.dispatcher.Submit(std::move(parcel));
  world.dispatcher.Flush();
  CHECK(world.Take(0).empty());
  CHECK(world.Take(1) == std::vector<std::uint64_t>{1});
}

TEST_CASE("parcels behind a callback go to an idle slot, long before their own slot is stuck") {
  World world(2, 64, DispatchPolicy::kLeastConnections, std::chrono::hours(1));
  Set(world.rows[0].callback_since_ns, World::NowNanoseconds() - 20 * 60 * 1'000'000'000ULL);
  world.EnterCallback(1);
  world.Submit(2);
  world.dispatcher.Flush();  // no slot is idle: it stays
  CHECK(world.channels[0].Queued() == 1);
  CHECK(world.all_slow == 0);
  CHECK(world.Take(1) == std::vector<std::uint64_t>{1});
  world.LeaveCallback(1);
  world.dispatcher.Flush();
  CHECK(world.Take(1) == std::vector<std::uint64_t>{2});
  world.Submit(3);  // while another slot is idle it gets nothing new, whatever the other one's load
  CHECK(world.Take(0).empty());
  CHECK(world.Take(1).size() == 3);
}

TEST_CASE("with round-robin or client-hash only stuck slots are left out") {
  for (const DispatchPolicy policy : {DispatchPolicy::kRoundRobin, DispatchPolicy::kClientHash}) {
    World world(2, 64, policy, std::chrono::hours(1));
    for (const std::size_t slot : {0U, 1U}) {
      Set(world.rows[slot].callback_since_ns, World::NowNanoseconds() - 20 * 60 * 1'000'000'000ULL);
    }
    world.Submit(2);
    const std::uint64_t before = world.channels[0].Queued();
    world.LeaveCallback(1);
    world.dispatcher.Flush();
    CHECK(world.channels[0].Queued() == before);
    CHECK(Get(world.page->reclaimed) == 0);
  }
}

TEST_CASE("all slots slow: reported before they are blocked, with the number of waiting parcels") {
  World world(2, 64, DispatchPolicy::kLeastConnections, std::chrono::hours(1));
  for (const std::size_t slot : {0U, 1U}) {
    Set(world.rows[slot].callback_since_ns, World::NowNanoseconds() - 20 * 60 * 1'000'000'000ULL);
  }
  world.dispatcher.Flush();
  CHECK(world.all_slow == 0);  // no parcel waits
  world.Submit(3);
  CHECK(world.all_slow == 1);
  const Pressure pressure = world.dispatcher.CurrentPressure();
  CHECK(pressure.ready == 2);
  CHECK(pressure.slow == 2);
  CHECK(pressure.blocked == 0);
  CHECK(pressure.waiting == 3);
}

TEST_CASE("all slots blocked: that is reported, and new parcels wait for the first free slot") {
  World world(2, 64, DispatchPolicy::kLeastConnections, milliseconds(5));
  world.EnterCallback(0);
  world.EnterCallback(1);
  world.Submit(4);
  REQUIRE(world.TurnUntil([&] { return world.dispatcher.Waiting() == 4; }));
  CHECK(world.all_slow > 0);
  const Pressure pressure = world.dispatcher.CurrentPressure();
  CHECK(pressure.ready == 2);
  CHECK(pressure.blocked == 2);
  CHECK(pressure.waiting == 4);
  world.LeaveCallback(1);
  REQUIRE(world.TurnUntil([&] { return world.dispatcher.Waiting() == 0; }));
  CHECK(world.Take(1).size() == 4);
  CHECK(world.Take(0).empty());
}

TEST_CASE("requests wait inside workers whose threads are all busy: reported, although no parcel waits") {
  World world(2, 64, DispatchPolicy::kLeastConnections, milliseconds(20));
  ThreadSteps& first = world.GiveThreads(0, 1);
  ThreadSteps& second = world.GiveThreads(1, 1);
  world.Submit(4);
  CHECK(world.Take(0).size() == 2);
  CHECK(world.Take(1).size() == 2);
  // The clients send slowly: all requests are complete only now, and no hand-over follows.
  first.Started(Now());
  first.Queued();
  second.Started(Now());
  CHECK(world.all_slow == 0);
  REQUIRE(world.TurnUntil([&] { return world.all_slow > 0; }));
  REQUIRE(world.TurnUntil([&] { return world.dispatcher.CurrentPressure().blocked == 2; }));
  const Pressure pressure = world.dispatcher.CurrentPressure();
  CHECK(pressure.ready == 2);
  CHECK(pressure.slow == 2);
  CHECK(pressure.waiting == 1);
  CHECK(Get(world.page->reclaimed) == 0);
  // One is free again: the other may be busy for as long as it likes.
  second.Finished();
  const int before = world.all_slow;
  CHECK(HoldsFor(milliseconds(50), [&] {
    world.dispatcher.Flush();
    return world.all_slow == before;
  }));
}

TEST_CASE("busy threads without a waiting request are no reason for another worker") {
  World world(1, 64, DispatchPolicy::kLeastConnections, milliseconds(4));
  ThreadSteps& gauge = world.GiveThreads(0, 1);
  world.Submit(2);
  CHECK(world.Take(0).size() == 2);
  gauge.Started(Now());
  CHECK(HoldsFor(milliseconds(50), [&] {
    world.dispatcher.Flush();
    return world.all_slow == 0;
  }));
  gauge.Queued();  // the second request
  CHECK(world.TurnUntil([&] { return world.all_slow > 0; }));
}

TEST_CASE("a look is scheduled while a slot has more connections than threads, and not longer") {
  World world(2, 64, DispatchPolicy::kLeastConnections, milliseconds(4));
  for (const std::size_t slot : {0U, 1U}) (void)world.GiveThreads(slot, 1);
  world.Submit(2);
  (void)world.Take(0);
  (void)world.Take(1);
  REQUIRE(world.TurnUntil([&] { return !world.dispatcher.TimerRuns(); }));  // one for each thread
  world.Submit(1);
  const std::size_t slot = world.Take(0).empty() ? 1 : 0;
  (void)world.Take(1);
  CHECK(HoldsFor(milliseconds(30), [&] {
    world.dispatcher.Flush();
    return world.dispatcher.TimerRuns();
  }));
  Add(world.rows[slot].finished);
  CHECK(world.TurnUntil([&] { return !world.dispatcher.TimerRuns(); }));
}

TEST_CASE("no timer runs while no queue waits") {
  World world(2, 64, DispatchPolicy::kRoundRobin, milliseconds(5));
  CHECK_FALSE(world.dispatcher.TimerRuns());
  world.Submit(2);
  CHECK(world.dispatcher.TimerRuns());
  (void)world.Take(0);
  (void)world.Take(1);
  REQUIRE(world.TurnUntil([&] { return !world.dispatcher.TimerRuns(); }));
  world.EnterCallback(0);  // a long callback does not matter while nothing is queued
  world.dispatcher.Flush();
  CHECK_FALSE(world.dispatcher.TimerRuns());
}

TEST_CASE("the account balances at every step, whatever the workers do") {
  Result<Scoreboard> board = Scoreboard::Create();
  REQUIRE(board.Ok());
  Result<EventLoop> loop = EventLoop::Create();
  Ledger ledger(board.Value().Master());
  Dispatcher dispatcher(loop.Value(), board.Value().Master(), board.Value().UsePool(kMainPool), ledger,
                        {[](bool) {}, [] {}});
  DispatchConfig config;
  config.max_queue = 8;
  config.reclaim_after = std::chrono::microseconds(1);  // stuck as soon as it leaves a parcel untaken
  dispatcher.Configure(config);
  std::vector<SlotChannel> channels;
  for (std::uint32_t i = 0; i < 3; ++i) {
    WorkerRow& row = board.Value().Use(Slot{i});
    Set(row.incarnation, i + 1);
    channels.push_back(SlotChannel::Create(ledger, row, kWireVersion).Value());
  }
  for (std::uint32_t i = 0; i < 3; ++i) dispatcher.AddSlot(Slot{i}, channels[i]);
  std::mt19937 random(7);
  std::array<char, kMaxMessageBytes> buffer;
  std::uint64_t submitted = 0;
  for (int step = 0; step < 20'000; ++step) {
    const std::uint32_t slot = static_cast<std::uint32_t>(random() % 3);
    WorkerRow& row = board.Value().Row(Slot{slot});
    switch (random() % 4) {
      case 0:
        if (board.Value().Account().in_progress > 100) break;
        dispatcher.SubmitAccepted(MakeParcel(submitted));
        ++submitted;
        break;
      case 1: {
        ReceiveResult packet = ReceiveMessage(channels[slot].WorkerEnd(), buffer);
        if (packet.outcome != ReceiveOutcome::kMessage) break;
        Add(packet.fd.Valid() ? row.taken : row.heartbeat_ns);  // a parcel, or a nudge
        break;
      }
      case 2:
        if (row.Connections() == 0) break;
        Add(random() % 10 == 0 ? row.lost : row.finished);
        board.Value().Master().load_marks.Mark(Slot{slot});
        break;
      default: break;
    }
    dispatcher.Flush();
    const Accounting sum = board.Value().Account();
    REQUIRE(sum.accepted == submitted);
    REQUIRE(sum.Exact());
  }
  CHECK(Get(board.Value().Master().reclaimed) > 100);
  CHECK(board.Value().Account().finished > 1000);
}

}  // namespace preforkd::testing
