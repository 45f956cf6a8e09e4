// Messages of workers, and what happens to one that cannot be trusted: the product's supervisor, with workers
// that only pretend.
#include <doctest/doctest.h>
#include <sys/socket.h>

#include <csignal>

#include "tests/loopback/supervisor_world.h"

namespace preforkd::testing {
namespace {

// It is killed, once; its successor has a new channel, and the other worker is not affected.
void CheckKilled(SupervisorWorld& world, PretendedWorker& worker) {
  REQUIRE(world.Until([&] { return world.Started() == 3; }));
  CHECK(worker.signals == std::vector{SIGKILL});
  CHECK(world.Restarts(RestartReason::kUntrusted) == 1);
  const PretendedWorker& successor = world.Worker(2);
  CHECK(successor.start.id.slot == worker.start.id.slot);
  successor.SayReady();
  CHECK(world.Until([&] { return world.CountReady() == 2; }));
  CHECK(successor.signals.empty());
  CHECK(world.Worker(1).signals.empty());
}

}  // namespace

TEST_CASE(
    "a worker that talks nonsense is killed, and what it leaves in the channel is not its successor's") {
  SupervisorWorld world(SupervisorWorld::OnePool());
  world.BeginReady();
  PretendedWorker& worker = world.Worker(0);
  SUBCASE("bytes that mean nothing") {
    for (int i = 0; i < 5; ++i) REQUIRE(::send(worker.start.channel, "nonsense", 8, MSG_NOSIGNAL) == 8);
  }
  SUBCASE("it closes its side") { REQUIRE(::shutdown(worker.start.channel, SHUT_WR) == 0); }
  SUBCASE("it names another worker") { worker.Say(Ready{world.Worker(1).start.id}); }
  SUBCASE("it names the next incarnation") {
    WorkerId next = worker.start.id;
    next.incarnation = Incarnation{3};
    for (int i = 0; i < 5; ++i) worker.Say(Ready{next});
  }
  SUBCASE("it hands back a connection that it was not given") {
    Parcel parcel;
    parcel.fd = std::move(world.listener.Connect().server);
    worker.HandBackTo(worker.start.id, std::move(parcel));
  }
  CheckKilled(world, worker);
}

TEST_CASE("a connection that is handed back under another number is refused") {
  SupervisorWorld world(SupervisorWorld::OnePool());
  world.BeginReady();
  world.Accept(0);
  world.Accept(0);
  PretendedWorker& worker = world.Worker(0);
  std::optional<Parcel> parcel = worker.Take();
  REQUIRE(parcel);
  parcel->id = ConnId{77};
  worker.HandBackTo(worker.start.id, std::move(*parcel));
  CheckKilled(world, worker);
  CHECK(world.handed_back == 0);
}

TEST_CASE("a flood of messages gets the worker killed, and delays no other worker") {
  SupervisorWorld world(SupervisorWorld::OnePool());
  world.BeginReady();
  PretendedWorker& worker = world.Worker(0);
  for (int i = 0; i < 100; ++i) worker.SayReady();
  CheckKilled(world, worker);
}

TEST_CASE("a worker that floods just before its end is not trusted either") {
  SupervisorWorld world(SupervisorWorld::OnePool());
  world.BeginReady();
  PretendedWorker& worker = world.Worker(0);
  for (int i = 0; i < 100; ++i) worker.SayReady();
  worker.Crash();
  REQUIRE(world.Until([&] { return world.Started() == 3; }));
  CHECK(world.Restarts(RestartReason::kUntrusted) == 1);
  CHECK(worker.signals.empty());
}

TEST_CASE("a handed back connection goes to another worker, in the same turn") {
  SupervisorWorld world(SupervisorWorld::OnePool());
  world.BeginReady();
  world.Accept(0);
  world.Accept(0);
  PretendedWorker& worker = world.Worker(0);
  std::optional<Parcel> parcel = worker.Take();
  REQUIRE(parcel);
  REQUIRE(world.Worker(1).Take());
  worker.HandBackTo(worker.start.id, std::move(*parcel));
  REQUIRE(world.Until([&] { return world.handed_back == 1; }));
  CHECK((world.Worker(0).Take() || world.Worker(1).Take()));
}

TEST_CASE("no descriptor is free: no channel is read for a moment, and no message is lost") {
  SupervisorWorld world(SupervisorWorld::OnePool());
  world.Begin();
  world.has_room = false;
  for (const auto& worker : world.spawner->workers) worker->SayReady();
  world.Pass(std::chrono::milliseconds(120));
  CHECK(world.CountReady() == 0);
  world.has_room = true;
  CHECK(world.Until([&] { return world.CountReady() == 2; }));
}

TEST_CASE("a worker that asks to be replaced retires when another one is ready") {
  SupervisorWorld world(SupervisorWorld::OnePool());
  world.BeginReady();
  world.Worker(0).Say(ReplaceMe{world.Worker(0).start.id});
  REQUIRE(world.Until([&] { return world.Started() == 3; }));
  CHECK(world.StateOf(0) == WorkerState::kReady);
  world.Worker(2).SayReady();
  CHECK(world.Until([&] { return world.StateOf(0) == WorkerState::kRetiring; }));
  CHECK(Get(world.board.Value().Master().recycled[RecycleReason::kAsked]) == 1);
}

}  // namespace preforkd::testing
