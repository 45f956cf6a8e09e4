// Pools: what happens in one never touches another. The product's supervisor, with workers that only pretend.
#include <doctest/doctest.h>

#include <csignal>

#include "tests/loopback/supervisor_world.h"

namespace preforkd::testing {
namespace {

constexpr PoolId kApp{1};

std::vector<std::string> ServicesOf(const PretendedWorker& worker) {
  std::vector<std::string> names;
  for (const auto& service : worker.start.services) names.push_back(service.second->name);
  return names;
}

}  // namespace

TEST_CASE("a worker gets the services of its pool, and no others") {
  SupervisorWorld world;
  world.Begin();
  REQUIRE(world.Started() == 4);
  for (const auto& worker : world.spawner->workers) {
    const bool app = worker->start.pool->name == "app";
    CHECK(ServicesOf(*worker) == std::vector<std::string>{app ? "shop" : "web"});
  }
}

TEST_CASE("a worker gets the numbers of the counters of its services, and no others") {
  SupervisorWorld world;
  world.BeginReady();
  world.coming = SupervisorWorld::SpecOf(SupervisorWorld::TwoPools(), 2);
  world.coming.counters = {{ServiceId{0}, {4}}, {ServiceId{1}, {5, 6}}};
  world.supervisor->Reload(world.coming);
  REQUIRE(world.Started() == 8);
  for (std::size_t i = 0; i < 8; ++i) {
    const WorkerStart& start = world.Worker(i).start;
    const bool app = start.pool->name == "app";
    const std::map<ServiceId, CounterNumbers> own = {app ? std::pair(ServiceId{1}, CounterNumbers{5, 6})
                                                         : std::pair(ServiceId{0}, CounterNumbers{4})};
    CHECK(start.counters == (i < 4 ? std::map<ServiceId, CounterNumbers>{} : own));
  }
}

TEST_CASE("the server can serve when each pool has a worker that is ready") {
  SupervisorWorld world;
  world.Begin();
  world.Worker(0).SayReady();
  world.Worker(1).SayReady();
  REQUIRE(world.Until([&] { return world.CountReady() == 2; }));
  CHECK_FALSE(world.booted);
  world.Worker(2).SayReady();
  CHECK(world.Until([&] { return world.booted; }));
}

TEST_CASE("no worker of a pool can start at the first start: exit status 69, with the pool's name") {
  SupervisorWorld world;
  world.spawner->fails_for_pool = "app";
  world.Begin();
  world.Worker(0).SayReady();
  world.Worker(1).SayReady();
  REQUIRE(world.Until([&] {
    for (const auto& worker : world.spawner->workers) {
      if (worker->Running() && !worker->signals.empty()) worker->Leave();
    }
    return world.finished.has_value();
  }));
  CHECK(world.finished->first == ExitCode::kUnavailable);
  CHECK(world.finished->second ==
        "no worker of pool \"app\" became ready; the last one: it could not be forked");
}

TEST_CASE("no worker of one pool can be started any more: the other pool goes on serving") {
  SupervisorWorld world;
  world.BeginReady();
  const WorkerCounts& counts = world.supervisor->Counts();
  world.spawner->fails_for_pool = "app";
  for (const auto& worker : world.spawner->workers) {
    if (worker->start.pool->name == "app") worker->Crash();
  }
  REQUIRE(world.Until([&] { return counts.Of(kApp, WorkerState::kReady) == 0; }));
  CHECK(counts.InService(kApp, WorkerState::kStarting) == 0);
  CHECK(counts.InService(kMainPool, WorkerState::kReady) == 2);
  world.Accept(1);
  world.Accept(0);
  CHECK((world.Worker(0).Take() || world.Worker(1).Take()));
  world.spawner->fails_for_pool.clear();
  REQUIRE(world.Until([&] { return world.Started() >= 5; }));
  world.Worker(4).SayReady();
  CHECK(world.Until([&] { return counts.InService(kApp, WorkerState::kReady) == 1; }));
  CHECK(world.Until([&] { return world.Worker(4).Take().has_value(); }));
}

TEST_CASE("scaling: each pool has its own number") {
  SupervisorWorld world;
  world.BeginReady();
  world.supervisor->Scale(kApp, 3);
  CHECK(world.Started() == 5);
  CHECK(world.Worker(4).start.pool->name == "app");
  CHECK(world.supervisor->Workers().Desired(kApp) == 3);
  CHECK(world.supervisor->Workers().Desired(kMainPool) == 2);
}

TEST_CASE(
    "a slot that goes to another pool: what is left in it goes to its own pool first, and its channel goes") {
  SupervisorWorld world;
  world.BeginReady();
  world.supervisor->Scale(kMainPool, 1);
  REQUIRE(world.StateOf(1) == WorkerState::kRetiring);
  world.Worker(1).Leave();
  REQUIRE(world.Until([&] { return world.StateOf(1) == WorkerState::kGone; }));
  world.supervisor->Scale(kApp, 3);
  REQUIRE(world.Started() == 5);
  const PretendedWorker& successor = world.Worker(4);
  CHECK(successor.start.id.slot == Slot{1});
  CHECK(successor.start.pool->name == "app");
  successor.SayReady();
  REQUIRE(world.Until([&] { return world.CountReady() == 4; }));
  for (int i = 0; i < 3; ++i) world.Accept(0);
  CHECK_FALSE(successor.Take());
  int taken = 0;
  while (world.Worker(0).Take()) ++taken;
  CHECK(taken == 3);
}

TEST_CASE("a generation is promoted when every pool is ready, and abandoned by name when one cannot be") {
  SupervisorWorld world;
  world.BeginReady();
  world.Reload(SupervisorWorld::TwoPools());
  REQUIRE(world.Started() == 8);
  for (std::size_t i = 4; i < 7; ++i) world.Worker(i).SayReady();
  REQUIRE(world.Until([&] { return world.CountReady() == 7; }));
  CHECK(world.promoted != Generation{2});
  SUBCASE("the last one is ready") {
    world.Worker(7).SayReady();
    CHECK(world.Until([&] { return world.promoted == Generation{2}; }));
    CHECK(world.StateOf(0) == WorkerState::kRetiring);
  }
  SUBCASE("the last one exits") {
    world.Worker(7).Crash();
    REQUIRE(world.Until([&] { return !world.abandoned.empty(); }));
    CHECK(world.abandoned == "pool \"app\": a worker exited before it was ready: signal 11 (SEGV)");
    CHECK(world.StateOf(0) == WorkerState::kReady);
  }
}

TEST_CASE("a pool that a reload removes: its workers retire, and are supervised until they have exited") {
  SupervisorWorld world;
  world.BeginReady();
  world.Reload(SupervisorWorld::OnePool());
  REQUIRE(world.Started() == 6);
  world.Worker(4).SayReady();
  world.Worker(5).SayReady();
  REQUIRE(world.Until([&] { return world.promoted == Generation{2}; }));
  world.Pass(std::chrono::milliseconds(50));
  CHECK(world.StateOf(2) == WorkerState::kRetiring);
  CHECK(world.StateOf(3) == WorkerState::kRetiring);
  CHECK(world.supervisor->Workers().Desired(kApp) == 0);
  world.supervisor->OnAllSlow(kApp);  // too late
  for (std::size_t i = 0; i < 4; ++i) world.Worker(i).Leave();
  CHECK(world.Until([&] { return world.supervisor->Workers().MayReload(); }));
  CHECK(world.Restarts(RestartReason::kExit) == 0);
}

}  // namespace preforkd::testing
