// Requests that wait in the master for an application thread: who gets the next free one, what passes them,
// and when they wait no longer.
#include "master/dispatch/thread_queue.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "common/channel/channel_end.h"
#include "master/dispatch/dispatcher.h"
#include "tests/support/parcels.h"
#include "tests/support/thread_steps.h"
#include "tests/support/wait_until.h"

namespace preforkd::testing {
namespace {

using std::chrono::milliseconds;
using Ids = std::vector<std::uint64_t>;

constexpr Duration kLong = std::chrono::hours(1);

struct World {
  Result<EventLoop> loop = EventLoop::Create();
  std::unique_ptr<MasterPage> page = std::make_unique<MasterPage>();
  std::unique_ptr<PoolRow> pool = std::make_unique<PoolRow>();
  Ledger ledger{*page};
  std::array<WorkerRow, 4> rows;
  std::vector<SlotChannel> channels;
  std::vector<std::unique_ptr<ThreadSteps>> threads;
  std::vector<bool> congestion;  // the reports, in order
  Dispatcher dispatcher{loop.Value(),
                        *page,
                        *pool,
                        ledger,
                        {[this](bool congested) { congestion.push_back(congested); }, [] {}}};
  std::uint64_t last_id = 0;

  // Each with one thread.
  explicit World(std::size_t slots, DispatchPolicy policy = DispatchPolicy::kLeastConnections,
                 std::uint32_t max_connections = 1000) {
    Configure(policy, max_connections);
    for (std::size_t i = 0; i < slots; ++i) {
      channels.push_back(SlotChannel::Create(ledger, rows.at(i), kWireVersion).Value());
      threads.push_back(std::make_unique<ThreadSteps>(rows.at(i), page->load_marks, static_cast<Slot>(i), 1));
    }
    for (std::size_t i = 0; i < slots; ++i) dispatcher.AddSlot(static_cast<Slot>(i), channels[i]);
  }

  void Configure(DispatchPolicy policy, std::uint32_t max_connections = 1000) {
    DispatchConfig config;
    config.policy = policy;
    config.reclaim_after = Duration(0);
    config.max_connections = max_connections;
    dispatcher.Configure(config);
  }

  // A request that a worker has handed back. Returns its number.
  std::uint64_t HandBack(Time until = Now() + kLong) {
    ledger.Restored(1);
    dispatcher.SubmitForThread(MakeParcel(++last_id), until);
    dispatcher.Flush();
    return last_id;
  }
  std::uint64_t Accept() {
    dispatcher.SubmitAccepted(MakeParcel(++last_id));
    dispatcher.Flush();
    return last_id;
  }
  void Finish(std::size_t slot) {
    threads[slot]->Finished();
    dispatcher.Flush();  // ThreadFree
  }

  Ids Take(std::size_t slot) {
    Ids ids;
    for (;;) {
      Reception<MasterToWorker> reception =
          ChannelEnd(channels[slot].WorkerEnd(), kWireVersion).ReceiveFromMaster();
      if (reception.outcome != Heard::kMessage) return ids;
      ids.push_back(Raw(std::get<HandOver>(*reception.message).parcel.id));
      Tally(rows.at(slot), page->load_marks, static_cast<Slot>(slot)).Taken();
    }
  }
  // Takes what is there, and begins its requests.
  Ids Begin(std::size_t slot) {
    const Ids ids = Take(slot);
    for (std::size_t i = 0; i < ids.size(); ++i) threads[slot]->Started();
    return ids;
  }
};

}  // namespace

TEST_CASE("the queue: the one that must leave first is first, equal ones in the order of their arrival") {
  std::mt19937 random(5);
  ThreadQueue queue;
  std::vector<std::pair<std::int64_t, std::uint64_t>> model;
  for (std::uint64_t id = 1; id < 3000; ++id) {
    const std::int64_t until = static_cast<std::int64_t>(random() % 50);
    queue.Add(MakeParcel(id), FromNanoseconds(until), FromNanoseconds(static_cast<std::int64_t>(id)));
    model.emplace_back(until, id);
    while (!model.empty() && random() % 2 == 0) {
      const auto first = std::min_element(model.begin(), model.end());
      REQUIRE(queue.FirstUntil() == FromNanoseconds(first->first));
      REQUIRE(queue.FirstSince() == FromNanoseconds(static_cast<std::int64_t>(first->second)));
      REQUIRE(queue.Overdue(FromNanoseconds(first->first)));
      REQUIRE_FALSE(queue.Overdue(FromNanoseconds(first->first - 1)));
      REQUIRE(Raw(queue.TakeFirst().Id()) == first->second);
      model.erase(first);
    }
    REQUIRE(queue.Size() == model.size());
  }
}

TEST_CASE("a request waits until a thread is free, whatever the policy, and gets it at once then") {
  for (const DispatchPolicy policy : {DispatchPolicy::kLeastConnections, DispatchPolicy::kRoundRobin}) {
    World world(2, policy);
    for (int i = 0; i < 2; ++i) world.HandBack();
    CHECK(world.Begin(0).size() == 1);
    CHECK(world.Begin(1).size() == 1);
    CHECK(Get(world.pool->thread_queue) == 0);
    CHECK(Get(world.pool->thread_queue_since_ns) == 0);
    const Time first = Now();
    for (int i = 0; i < 3; ++i) world.HandBack();
    const Time shown = FromNanoseconds(static_cast<std::int64_t>(Get(world.pool->thread_queue_since_ns)));
    CHECK(shown >= first);
    CHECK(shown <= Now());
    CHECK(world.Take(0).empty());
    CHECK(world.Take(1).empty());
    CHECK(world.dispatcher.Waiting() == 3);
    CHECK(Get(world.pool->thread_queue) == 3);
    CHECK(Get(world.pool->queue_length) == 3);
    CHECK(world.dispatcher.CurrentPressure().waiting == 3);
    world.Finish(1);
    CHECK(world.Begin(1) == Ids{3});
    world.Finish(0);
    CHECK(world.Begin(0) == Ids{4});
    world.Finish(0);
    CHECK(world.Begin(0) == Ids{5});
    CHECK(Get(world.pool->thread_queue) == 0);
    CHECK(Get(world.pool->thread_queue_since_ns) == 0);
    CHECK(world.congestion.empty());
  }
}

TEST_CASE("nobody tells: the timer finds the free thread") {
  World world(1);
  world.HandBack();
  CHECK(world.Begin(0).size() == 1);
  world.HandBack();
  world.threads[0]->Finished();
  CHECK(WaitUntil(kTimeout, [&] {
    REQUIRE(world.loop.Value().RunOnce().Ok());
    return !world.Take(0).empty();
  }));
}

TEST_CASE("new clients are not stopped by requests that wait: any worker reads theirs") {
  World world(2);
  for (int i = 0; i < 2; ++i) world.HandBack();
  (void)world.Begin(0);
  (void)world.Begin(1);
  world.HandBack();
  CHECK_FALSE(world.dispatcher.Congested());
  const std::uint64_t fresh = world.Accept();
  Ids taken = world.Take(0);
  for (const std::uint64_t id : world.Take(1)) taken.push_back(id);
  CHECK(taken == Ids{fresh});
  // The free thread is for the one that waits.
  world.Finish(0);
  CHECK(world.Begin(0) == Ids{3});
}

TEST_CASE("so many requests wait that the workers would have been full: accepting pauses") {
  World world(1, DispatchPolicy::kLeastConnections, 5);
  world.HandBack();
  (void)world.Begin(0);
  for (int i = 0; i < 4; ++i) world.HandBack();
  CHECK(world.congestion.empty());
  world.HandBack();
  CHECK(world.congestion == std::vector<bool>{true});
  world.Finish(0);
  Add(world.rows[0].finished);
  CHECK(world.Begin(0) == Ids{2});
  CHECK(world.congestion == std::vector<bool>{true, false});
}

TEST_CASE("one whose time is over goes to any worker; the others wait on") {
  World world(1);
  world.HandBack();
  (void)world.Begin(0);
  world.HandBack();
  const std::uint64_t late = world.HandBack(Now() + milliseconds(20));
  CHECK(world.Take(0).empty());
  Ids taken;
  CHECK(WaitUntil(kTimeout, [&] {
    REQUIRE(world.loop.Value().RunOnce().Ok());
    taken = world.Take(0);
    return !taken.empty();
  }));
  CHECK(taken == Ids{late});
  CHECK(world.dispatcher.Waiting() == 1);
}

TEST_CASE("the server stops: nothing waits for a thread") {
  World world(2);
  for (int i = 0; i < 2; ++i) world.HandBack();
  (void)world.Begin(0);
  (void)world.Begin(1);
  for (int i = 0; i < 6; ++i) world.HandBack();
  world.dispatcher.SetPatient(false);
  world.dispatcher.Flush();
  CHECK(world.Take(0).size() + world.Take(1).size() == 6);
  CHECK_FALSE(world.dispatcher.Congested());
  CHECK(Get(world.page->lost) == 0);
}

TEST_CASE("the server stops, and the last worker is gone: they count as waiting, and then as lost") {
  World world(1);
  world.HandBack();
  (void)world.Begin(0);
  for (int i = 0; i < 3; ++i) world.HandBack();
  world.dispatcher.SetPatient(false);
  world.dispatcher.RemoveSlot(Slot{0});
  world.dispatcher.Flush();
  CHECK(world.dispatcher.Congested());
  world.dispatcher.GiveUpWaiting(LossReason::kStopped);
  CHECK(Get(world.page->lost) == 3);
  CHECK(Get(world.pool->thread_queue) == 0);
  CHECK(world.dispatcher.Waiting() == 0);
}

TEST_CASE("workers without threads, and the slot of a client, take what waits") {
  World world(1);
  world.HandBack();
  (void)world.Begin(0);
  world.HandBack();
  SUBCASE("a reload has changed the policy") {
    world.Configure(DispatchPolicy::kClientHash);
    world.dispatcher.Flush();
    CHECK(world.Take(0) == Ids{2});
  }
  SUBCASE("a reload has changed the service") {
    world.channels.push_back(SlotChannel::Create(world.ledger, world.rows[1], kWireVersion).Value());
    world.dispatcher.AddSlot(Slot{1}, world.channels[1]);
    world.dispatcher.Flush();
    CHECK(ChannelEnd(world.channels[1].WorkerEnd(), kWireVersion).ReceiveFromMaster().outcome ==
          Heard::kMessage);
  }
}

TEST_CASE(
    "whatever happens: a free thread and a request that waits are never together for longer than a flush") {
  World world(4);
  std::mt19937 random(17);
  std::array<std::uint64_t, 4> taken{};
  std::uint64_t all = 0;
  std::size_t longest = 0;
  for (int step = 0; step < 5000; ++step) {
    const std::size_t slot = random() % 4;
    if (random() % 2 == 0) {
      world.HandBack();
    } else if (Get(world.rows[slot].threads_busy) > 0) {
      // Its connection goes back, or stays for its next request.
      if (random() % 2 == 0) {
        Add(world.rows[slot].finished);
        world.page->load_marks.Mark(static_cast<Slot>(slot));
      }
      world.Finish(slot);
    }
    for (std::size_t each = 0; each < 4; ++each) {
      const Ids ids = world.Begin(each);
      REQUIRE(ids.size() <= 1);
      REQUIRE(Get(world.rows[each].threads_busy) <= 1);
      for (const std::uint64_t id : ids) REQUIRE(id > taken[each]);  // oldest first
      if (!ids.empty()) taken[each] = ids.front();
      all += ids.size();
    }
    const bool any_free = std::any_of(world.rows.begin(), world.rows.end(),
                                      [](const WorkerRow& row) { return FreeThreads(row) > 0; });
    REQUIRE((world.dispatcher.Waiting() == 0 || !any_free));
    REQUIRE(world.dispatcher.Waiting() + all == world.last_id);
    longest = std::max(longest, world.dispatcher.Waiting());
  }
  CHECK(longest > 10);
}

}  // namespace preforkd::testing
