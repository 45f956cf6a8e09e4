// How workers end, and what happens to their connections: the product's supervisor, with workers that only
// pretend.
#include <doctest/doctest.h>

#include <csignal>

#include "tests/loopback/supervisor_world.h"

namespace preforkd::testing {
namespace {}  // namespace

TEST_CASE("the first workers: one in each slot, and the server can serve when one is ready") {
  SupervisorWorld world(SupervisorWorld::OnePool());
  world.Begin();
  REQUIRE(world.Started() == 2);
  CHECK(world.Worker(0).start.id.slot == Slot{0});
  CHECK(world.Worker(1).start.id.slot == Slot{1});
  CHECK_FALSE(world.booted);
  world.Worker(1).SayReady();
  CHECK(world.Until([&] { return world.booted; }));
}

TEST_CASE(
    "a crash: what was not taken goes to the others, what was taken is lost, and the slot is filled at "
    "once") {
  SupervisorWorld world(SupervisorWorld::OnePool());
  world.BeginReady();
  for (int i = 0; i < 6; ++i) world.Accept(0);
  std::optional<Parcel> taken = world.Worker(0).Take();
  REQUIRE(taken);
  world.Worker(0).Crash();
  REQUIRE(world.Until([&] { return world.Started() == 3; }));
  CHECK(world.InSlot(0).start.id.incarnation == Incarnation{3});
  CHECK(world.Lost(LossReason::kCrash) == 1);
  CHECK(world.Restarts(RestartReason::kCrash) == 1);
  int of_the_other = 0;
  while (world.Worker(1).Take()) ++of_the_other;
  CHECK(of_the_other == 5);
}

TEST_CASE("the only worker crashes: its successor takes the untaken connections, from the same channel") {
  auto config = SupervisorWorld::OnePool();
  config->pools[0].workers = 1;
  SupervisorWorld world(config);
  world.BeginReady();
  for (int i = 0; i < 3; ++i) world.Accept(0);
  world.Worker(0).Crash();
  REQUIRE(world.Until([&] { return world.Started() == 2; }));
  world.Worker(1).SayReady();
  int taken = 0;
  CHECK(world.Until([&] {
    while (world.Worker(1).Take()) ++taken;
    return taken == 3;
  }));
  CHECK(world.Lost(LossReason::kCrash) == 0);
}

TEST_CASE("every end is counted by its reason, and each worker has a successor") {
  SupervisorWorld world(SupervisorWorld::OnePool());
  world.BeginReady();
  SUBCASE("an exit status") {
    world.Worker(0).End({ExitKind::kFailure, 3, false});
    REQUIRE(world.Until([&] { return world.Started() == 3; }));
    CHECK(world.Restarts(RestartReason::kExit) == 1);
  }
  SUBCASE("a clean exit that was not requested") {
    world.Worker(0).Leave();
    REQUIRE(world.Until([&] { return world.Started() == 3; }));
    CHECK(world.Restarts(RestartReason::kExit) == 1);
  }
  SUBCASE("a debugger has reaped the status") {
    world.Worker(0).status_is_stolen = true;
    world.Worker(0).Crash();
    REQUIRE(world.Until([&] { return world.Started() == 3; }));
    CHECK(world.Restarts(RestartReason::kUnknown) == 1);
  }
  SUBCASE("before it was ready") {
    world.Worker(0).Crash();
    REQUIRE(world.Until([&] { return world.Started() == 3; }));
    world.Worker(2).Crash();
    REQUIRE(world.Until([&] { return world.Started() == 4; }));
    CHECK(world.Restarts(RestartReason::kStart) == 1);
  }
}

TEST_CASE("SIGCHLD: the end of a worker is found behind a child that is not a worker") {
  SupervisorWorld world(SupervisorWorld::OnePool());
  world.BeginReady();
  world.spawner->others = {4711};
  world.Worker(1).Crash();
  world.supervisor->ReapChildren();
  CHECK(world.spawner->others.empty());
  CHECK(world.Worker(1).reaped);
  CHECK_FALSE(world.supervisor->IsWorker(world.Worker(1).pid));
  REQUIRE(world.Until([&] { return world.Started() == 3; }));
  CHECK(world.supervisor->IsWorker(world.Worker(2).pid));
}

TEST_CASE(
    "no descriptor is free for connections that an ended worker handed back: they wait, and none is lost") {
  SupervisorWorld world(SupervisorWorld::OnePool());
  world.BeginReady();
  world.Accept(0);
  world.Accept(0);
  PretendedWorker& worker = world.Worker(0);
  std::optional<Parcel> parcel = worker.Take();
  REQUIRE(parcel);
  world.has_room = false;
  worker.HandBackTo(worker.start.id, std::move(*parcel));
  worker.Crash();
  REQUIRE(world.Until([&] { return worker.reaped; }));
  world.Pass(std::chrono::milliseconds(120));  // two attempts
  CHECK(world.handed_back == 0);
  CHECK(world.Started() == 2);
  CHECK_FALSE(world.supervisor->PrepareSave());
  world.has_room = true;
  REQUIRE(world.Until([&] { return world.Started() == 3; }));
  CHECK(world.handed_back == 1);
  CHECK(world.Lost(LossReason::kCrash) == 0);
}

TEST_CASE(
    "workers of a coming generation end together while no descriptor is free: the attempt ends, nothing "
    "else") {
  SupervisorWorld world(SupervisorWorld::OnePool());
  world.BeginReady();
  world.Reload(SupervisorWorld::OnePool());
  REQUIRE(world.Started() == 4);
  world.has_room = false;
  world.Worker(3).Say(Ready{world.Worker(0).start.id});  // names another worker: its channel is dropped
  world.Worker(2).Crash();
  world.Worker(3).Crash();
  REQUIRE(world.Until([&] { return world.Worker(2).reaped && world.Worker(3).reaped; }));
  world.has_room = true;
  REQUIRE(world.Until([&] { return !world.abandoned.empty(); }));
  CHECK(world.abandoned.find("exited before it was ready") != std::string::npos);
  CHECK(world.Until(
      [&] { return world.StateOf(2) == WorkerState::kGone && world.StateOf(3) == WorkerState::kGone; }));
  CHECK(world.CountReady() == 2);
}

TEST_CASE("fork fails: it is retried, and the slot keeps the connections in its channel") {
  auto config = SupervisorWorld::OnePool();
  config->pools[0].workers = 1;
  SupervisorWorld world(config);
  world.BeginReady();
  world.Accept(0);
  world.spawner->fails_with = EAGAIN;
  world.Worker(0).Crash();
  REQUIRE(world.Until([&] { return world.StateOf(0) == WorkerState::kGone; }));
  world.Pass(std::chrono::milliseconds(20));
  CHECK(world.Started() == 1);
  world.spawner->fails_with = 0;
  REQUIRE(world.Until([&] { return world.Started() == 2; }));
  world.Worker(1).SayReady();
  CHECK(world.Until([&] { return world.Worker(1).Take().has_value(); }));
}

TEST_CASE("a graceful stop: each worker reads end of file and exits, and the last one completes the stop") {
  SupervisorWorld world(SupervisorWorld::OnePool());
  world.BeginReady();
  world.supervisor->Stop(Now() + std::chrono::seconds(30));
  CHECK(world.Worker(0).Channel().ReceiveFromMaster().outcome == Heard::kEnd);
  world.Worker(0).Leave();
  world.Worker(1).Leave();
  REQUIRE(world.Until([&] { return world.finished.has_value(); }));
  CHECK(world.finished->first == ExitCode::kStopped);
  CHECK(world.Restarts(RestartReason::kExit) == 0);
}

}  // namespace preforkd::testing
