// What the supervisor checks by itself: workers that hang, that have served for long enough, a master that
// was paused, and extra workers. The product's code, with workers that only pretend.
#include <doctest/doctest.h>
#include <poll.h>

#include <csignal>

#include "tests/loopback/supervisor_world.h"
#include "tests/support/thread_steps.h"

namespace preforkd::testing {
namespace {

void Beat(const PretendedWorker& worker) {
  Set(worker.start.scoreboard->Row(worker.start.id.slot).heartbeat_ns,
      static_cast<std::uint64_t>(ToNanoseconds(Now())));
}

std::shared_ptr<Config> WithHangTimeout(std::shared_ptr<Config> config, Duration timeout) {
  for (PoolConfig& pool : config->pools) pool.supervision.hang_timeout = timeout;
  return config;
}

}  // namespace

TEST_CASE("a worker without heartbeats: SIGABRT, and it is replaced; one with heartbeats stays") {
  SupervisorWorld world(WithHangTimeout(SupervisorWorld::OnePool(), milliseconds(400)));
  world.BeginReady();
  world.Accept(0);
  world.Accept(0);
  REQUIRE(world.Worker(0).Take());
  const Time began = Now();
  REQUIRE(world.Until([&] {
    Beat(world.Worker(1));
    return world.Started() == 3;
  }));
  CHECK(Now() - began >= kHeartbeatInterval);
  CHECK(world.Worker(0).signals == std::vector{SIGABRT});
  CHECK(world.Worker(1).signals.empty());
  CHECK(world.Restarts(RestartReason::kHang) == 1);
  CHECK(world.Lost(LossReason::kHang) == 1);
}

TEST_CASE("one that outlives SIGABRT, because it is stopped, gets SIGKILL a moment later") {
  auto config = WithHangTimeout(SupervisorWorld::OnePool(), milliseconds(400));
  config->pools[0].workers = 1;
  SupervisorWorld world(config);
  world.BeginReady();
  PretendedWorker& worker = world.Worker(0);
  worker.obeys_abort = false;
  REQUIRE(world.Until([&] { return world.Started() == 2; }));
  CHECK(worker.signals == std::vector{SIGABRT, SIGKILL});
  CHECK(world.Restarts(RestartReason::kHang) == 1);
}

TEST_CASE("the master was paused for longer than hang_timeout: no worker is killed because of that") {
  SupervisorWorld world(WithHangTimeout(SupervisorWorld::OnePool(), milliseconds(400)));
  world.BeginReady();
  (void)::poll(nullptr, 0, 2000);  // as by SIGSTOP: not a turn of the loop
  REQUIRE(world.loop.Value().RunOnce().Ok());
  CHECK(world.Worker(0).signals.empty());
  REQUIRE(world.Until([&] {  // a period later the one that is still silent is killed
    Beat(world.Worker(1));
    return !world.Worker(0).signals.empty();
  }));
  CHECK(world.Worker(1).signals.empty());
}

TEST_CASE("each pool has its own hang_timeout") {
  auto config = SupervisorWorld::TwoPools();
  config->pools[1].supervision.hang_timeout = milliseconds(400);
  SupervisorWorld world(config);
  world.BeginReady();
  REQUIRE(world.Until([&] { return world.Restarts(RestartReason::kHang) == 2; }));
  for (const auto& worker : world.spawner->workers) {
    const bool aborted = !worker->signals.empty();
    CHECK(aborted == (worker->start.pool->name == "app" && Raw(worker->start.id.incarnation) <= 4));
  }
}

TEST_CASE("a pool that came and went between two rounds: its last workers are judged by its hang_timeout") {
  SupervisorWorld world(SupervisorWorld::OnePool());
  world.BeginReady();
  const auto pass_to = [&](std::shared_ptr<Config> config, std::uint64_t generation) {
    const std::size_t before = world.Started();
    world.Reload(std::move(config), generation);
    for (std::size_t i = before; i < world.Started(); ++i) world.Worker(i).SayReady();
    REQUIRE(world.Until([&] { return world.promoted == Generation{generation}; }));
  };
  auto two_pools = SupervisorWorld::TwoPools();
  two_pools->pools[1].supervision.hang_timeout = milliseconds(400);
  pass_to(two_pools, 2);
  world.Worker(0).Leave();
  world.Worker(1).Leave();
  REQUIRE(world.Until([&] { return world.supervisor->Workers().MayReload(); }));
  pass_to(SupervisorWorld::OnePool(), 3);
  REQUIRE(world.Until([&] { return world.Restarts(RestartReason::kHang) == 2; }));
  for (const auto& worker : world.spawner->workers) {
    CHECK(worker->signals.empty() == (worker->start.pool->name == "main"));
  }
}

TEST_CASE("recycling: one worker at a time in each pool, and it retires when its successor is ready") {
  auto config = WithHangTimeout(SupervisorWorld::TwoPools(), milliseconds(400));  // rounds of 100 ms
  for (PoolConfig& pool : config->pools) pool.supervision.max_requests = 10;
  SupervisorWorld world(config);
  world.BeginReady();
  for (const auto& worker : world.spawner->workers) {
    Set(world.board.Value().Row(worker->start.id.slot).requests, 100);
  }
  REQUIRE(world.Until([&] { return world.Started() == 6; }));
  world.Pass(milliseconds(250));
  CHECK(world.Started() == 6);
  CHECK(world.Worker(4).start.pool->name != world.Worker(5).start.pool->name);
  CHECK(world.CountReady() == 4);
  world.Worker(4).SayReady();
  CHECK(world.Until([&] { return world.StateOf(0) == WorkerState::kRetiring; }));
  CHECK(Get(world.board.Value().Master().recycled[RecycleReason::kRequests]) >= 2);
}

TEST_CASE(
    "all workers of a pool are blocked and its clients wait: that pool gets one more, within its "
    "workers_max") {
  auto config = SupervisorWorld::TwoPools();
  for (PoolConfig& pool : config->pools) pool.workers_max = 3;
  SupervisorWorld world(config);
  world.BeginReady();
  const auto block = [&] {  // inside one callback for an hour
    for (const auto& worker : world.spawner->workers) {
      if (worker->start.pool->name != "app") continue;
      Set(world.board.Value().Row(worker->start.id.slot).callback_since_ns,
          static_cast<std::uint64_t>(ToNanoseconds(Now() - std::chrono::hours(1))));
    }
  };
  block();
  for (int i = 0; i < 4; ++i) world.Accept(1);
  REQUIRE(world.Until([&] { return world.Started() == 5; }));
  CHECK(world.Worker(4).start.pool->name == "app");
  CHECK(world.supervisor->Workers().Extras(PoolId{1}) == 1);
  CHECK(world.supervisor->Workers().Extras(kMainPool) == 0);
  block();  // the extra too
  world.Worker(4).SayReady();
  REQUIRE(world.Until([&] { return world.CountReady() == 5; }));
  for (int i = 0; i < 4; ++i) world.Accept(1);
  world.Pass(milliseconds(150));
  CHECK(world.Started() == 5);
}

TEST_CASE("requests wait in workers whose threads are all busy: one more worker, within workers_max") {
  auto config = SupervisorWorld::TwoPools();
  for (PoolConfig& pool : config->pools) pool.workers_max = 3;
  SupervisorWorld world(config);
  world.Begin();
  const auto is_app = [](const PretendedWorker& worker) { return worker.start.pool->name == "app"; };
  std::vector<std::unique_ptr<ThreadSteps>> gauges;
  const auto make_ready = [&](PretendedWorker& worker) {
    if (is_app(worker)) {
      const Slot slot = worker.start.id.slot;
      gauges.push_back(std::make_unique<ThreadSteps>(world.board.Value().Row(slot),
                                                     world.board.Value().Master().load_marks, slot, 1));
    }
    worker.SayReady();
  };
  for (const auto& worker : world.spawner->workers) make_ready(*worker);
  REQUIRE(world.Until([&] { return world.CountReady() == 4; }));
  for (int i = 0; i < 4; ++i) world.Accept(1);
  for (const auto& worker : world.spawner->workers) {
    if (is_app(*worker)) REQUIRE((worker->Take() && worker->Take()));
  }
  for (const auto& gauge : gauges) gauge->Started(Now() - std::chrono::hours(1));
  world.Pass(milliseconds(50));
  CHECK(world.Started() == 4);  // nobody waits
  gauges[0]->Queued();
  REQUIRE(world.Until([&] { return world.Started() == 5; }));
  CHECK(is_app(world.Worker(4)));
  CHECK(world.supervisor->Workers().Extras(PoolId{1}) == 1);
  make_ready(world.Worker(4));
  REQUIRE(world.Until([&] { return world.CountReady() == 5; }));
  gauges[2]->Started(Now() - std::chrono::hours(1));
  world.Pass(milliseconds(100));
  CHECK(world.Started() == 5);
}

}  // namespace preforkd::testing
