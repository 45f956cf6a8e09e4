// Readiness for requests.
#include "common/report/readiness.h"

#include <doctest/doctest.h>

namespace preforkd::testing {
namespace {

struct World {
  World() : owned(Scoreboard::Create().Value()) { Pool(0, "main"); }

  PoolRow& Pool(std::uint8_t number, const char* name) {
    PoolRow& row = board.UsePool(PoolId{number});
    row.used = true;
    row.name.Write(name);
    row.state = PoolState::kServing;
    return row;
  }
  WorkerRow& Worker(std::uint32_t slot, std::uint64_t pool, SlotState state) {
    WorkerRow& row = board.Use(Slot{slot});
    Set(row.pool, pool);
    row.state = state;
    return row;
  }

  Scoreboard owned;
  const Scoreboard& board = owned;
};

TEST_CASE("ready is one ready worker and a master that does not stop") {
  World world;
  CHECK(WhyNotReady(world.board) == "no worker is ready in: main");
  (void)world.Worker(1023, 0, SlotState::kReady);
  CHECK(WhyNotReady(world.board).empty());
  world.board.Master().state = MasterState::kReloading;
  CHECK(WhyNotReady(world.board).empty());
  world.board.Master().state = MasterState::kStopping;
  CHECK(WhyNotReady(world.board) == "the server is stopping");
}

TEST_CASE("each pool must be able to serve; those that cannot are named") {
  World world;
  PoolRow& app = world.Pool(3, "app");
  PoolRow& ops = world.Pool(4, "ops");
  (void)world.Worker(0, 0, SlotState::kReady);
  WorkerRow& of_app = world.Worker(1, 3, SlotState::kReady);
  WorkerRow& of_ops = world.Worker(2, 4, SlotState::kReady);
  CHECK(WhyNotReady(world.board).empty());
  of_app.state = SlotState::kStarting;  // its only worker has ended, and another one is starting
  CHECK(WhyNotReady(world.board).empty());
  app.state = PoolState::kDegraded;
  CHECK(WhyNotReady(world.board) == "no worker is ready in: app");
  of_app.state = SlotState::kReady;  // before the master has noticed
  CHECK(WhyNotReady(world.board).empty());
  of_app.state = SlotState::kStarting;
  of_ops.state = SlotState::kStarting;
  ops.state = PoolState::kStarting;
  CHECK(WhyNotReady(world.board) == "no worker is ready in: app, ops");
  ops.used = false;  // the configuration has it no longer
  CHECK(WhyNotReady(world.board) == "no worker is ready in: app");
}

TEST_CASE("before the master has published any pool the server is not ready") {
  const Scoreboard board = Scoreboard::Create().Value();
  CHECK(WhyNotReady(board) == "no worker is ready");
}

}  // namespace
}  // namespace preforkd::testing
