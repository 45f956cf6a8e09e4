#include "master/policy/slot_activity.h"

#include <doctest/doctest.h>

namespace preforkd::testing {
namespace {

using std::chrono::milliseconds;

constexpr Duration kTimeout = milliseconds(20);
constexpr Duration kEarly = kTimeout / 4;
constexpr Time kStart = Time{} + std::chrono::hours(1);

std::uint64_t Nanoseconds(Time time) { return static_cast<std::uint64_t>(ToNanoseconds(time)); }

// One slot whose clock a test moves.
struct World {
  SlotActivity slot_activity;
  ActivityReading row{0, 0, 0, Nanoseconds(kStart)};
  Time now = kStart;

  void Send(bool stays = false) {
    slot_activity.Sent(now, stays);
    ++row.queued;
  }
  void Take() {
    --row.queued;
    ++row.taken;
  }
  void ReclaimAll() { row.queued = 0; }
  void EnterCallback() { row.callback_since_ns = Nanoseconds(now); }
  void LeaveCallback() { row.callback_since_ns = 0; }
  void Pass(Duration span) { now += span; }
  [[nodiscard]] bool Stuck() { return slot_activity.Stuck(row, kTimeout, now); }
  [[nodiscard]] bool Blocked() const { return SlotActivity::Blocked(row, kTimeout, now); }
};

}  // namespace

TEST_CASE("a waiting slot with an empty queue is never stuck") {
  World world;
  world.Pass(std::chrono::hours(5));
  CHECK_FALSE(world.Stuck());
  CHECK_FALSE(world.slot_activity.NextCheck(world.row, kTimeout));
}

TEST_CASE("a parcel not taken for the timeout makes it stuck, not a moment less") {
  World world;
  world.Send();
  CHECK(world.slot_activity.NextCheck(world.row, kTimeout) == kStart + kEarly);
  world.Pass(kTimeout - milliseconds(1));
  CHECK_FALSE(world.Stuck());
  world.Pass(milliseconds(1));
  CHECK(world.Stuck());
  CHECK_FALSE(world.Blocked());  // it may only have got no CPU
}

TEST_CASE("occupied: blocked, or no application thread free for the timeout; the latter is not stuck") {
  World world;
  CHECK_FALSE(SlotActivity::Occupied(world.row, kTimeout, world.now));
  world.row.threads_busy_since_ns = Nanoseconds(world.now);
  world.Pass(kEarly - milliseconds(1));
  CHECK_FALSE(SlotActivity::OccupiedEarly(world.row, kTimeout, world.now));
  world.Pass(milliseconds(1));
  CHECK(SlotActivity::OccupiedEarly(world.row, kTimeout, world.now));
  CHECK_FALSE(SlotActivity::Occupied(world.row, kTimeout, world.now));
  world.Pass(kTimeout - kEarly);
  CHECK(SlotActivity::Occupied(world.row, kTimeout, world.now));
  CHECK_FALSE(SlotActivity::Occupied(world.row, Duration(0), world.now));  // reclaim_after = 0: never
  CHECK_FALSE(world.Blocked());
  CHECK_FALSE(SlotActivity::Slow(world.row, kTimeout, world.now));
  CHECK_FALSE(world.Stuck());
  world.row.threads_busy_since_ns = 0;
  CHECK_FALSE(SlotActivity::Occupied(world.row, kTimeout, world.now));
  world.EnterCallback();
  world.Pass(kTimeout);
  CHECK(SlotActivity::Occupied(world.row, kTimeout, world.now));
}

TEST_CASE("taking the oldest gives the next one its own timeout") {
  World world;
  world.Send();
  world.Pass(milliseconds(15));
  world.Send();
  world.Take();
  world.Pass(milliseconds(15));
  CHECK_FALSE(world.Stuck());
  world.Pass(milliseconds(5));
  CHECK(world.Stuck());
}

TEST_CASE("busy is not stuck: a slot that takes its parcels within the timeout never is") {
  World world;
  for (int i = 0; i < 1000; ++i) {
    world.Send();
    world.Pass(milliseconds(19));
    CHECK_FALSE(world.Stuck());
    world.Take();
  }
}

TEST_CASE("one callback longer than the timeout: stuck and blocked, with an empty queue too") {
  World world;
  world.EnterCallback();
  world.Pass(kTimeout);
  CHECK(world.Blocked());
  CHECK(world.Stuck());
  CHECK_FALSE(world.slot_activity.NextCheck(world.row, kTimeout));  // nothing is queued: no timer
}

TEST_CASE("a quarter of the timeout in one callback: slow, if a parcel waits behind it") {
  World world;
  world.EnterCallback();
  world.Pass(kEarly - milliseconds(1));
  CHECK_FALSE(SlotActivity::Slow(world.row, kTimeout, world.now));
  world.Pass(milliseconds(1));
  CHECK(SlotActivity::Slow(world.row, kTimeout, world.now));
  CHECK_FALSE(world.Blocked());
  CHECK_FALSE(world.slot_activity.KeepsSomebodyWaiting(world.row, kTimeout, world.now));
  world.Send(true);
  CHECK_FALSE(world.slot_activity.KeepsSomebodyWaiting(world.row, kTimeout, world.now));  // that one stays
  world.Send();
  CHECK(world.slot_activity.KeepsSomebodyWaiting(world.row, kTimeout, world.now));
  CHECK_FALSE(SlotActivity::Slow(world.row, Duration(0), world.now));
}

TEST_CASE("a parcel sent into a long callback is checked early") {
  World world;
  world.EnterCallback();
  world.Pass(milliseconds(15));
  world.Send();
  CHECK(world.slot_activity.NextCheck(world.row, kTimeout) == kStart + kEarly);
  world.Pass(milliseconds(5));
  CHECK(world.Stuck());
}

TEST_CASE(
    "it stays stuck after its queue was reclaimed, until it moves: takes, leaves its callback, or beats") {
  for (const int move : {0, 1, 2}) {
    CAPTURE(move);
    World world;
    world.EnterCallback();
    world.Send();
    world.Pass(kTimeout);
    REQUIRE(world.Stuck());
    world.ReclaimAll();
    world.Pass(std::chrono::seconds(10));
    CHECK(world.Stuck());
    if (move == 0) ++world.row.taken;
    if (move == 2) world.row.heartbeat_ns = Nanoseconds(world.now);
    world.LeaveCallback();
    CHECK_FALSE(world.Stuck());
  }
}

TEST_CASE("a callback that follows the next at once is no reason to stay stuck") {
  World world;
  world.EnterCallback();
  world.Pass(kTimeout);
  REQUIRE(world.Stuck());
  world.EnterCallback();
  CHECK_FALSE(world.Stuck());
}

TEST_CASE("a parcel that stays does not make its slot stuck, nor hide a later one that does") {
  World world;
  world.Send(true);
  CHECK_FALSE(world.slot_activity.NextCheck(world.row, kTimeout));
  world.Pass(std::chrono::hours(1));
  CHECK_FALSE(world.Stuck());
  world.Send(false);
  CHECK(world.slot_activity.NextCheck(world.row, kTimeout) == world.now + kEarly);
  world.Pass(kTimeout);
  CHECK(world.Stuck());
}

TEST_CASE("reclaim_after = 0: never stuck, never checked") {
  World world;
  world.Send();
  world.EnterCallback();
  world.Pass(std::chrono::hours(1));
  CHECK_FALSE(world.slot_activity.Stuck(world.row, Duration(0), world.now));
  CHECK_FALSE(SlotActivity::Blocked(world.row, Duration(0), world.now));
  CHECK_FALSE(world.slot_activity.NextCheck(world.row, Duration(0)));
}

TEST_CASE("a new incarnation starts without history") {
  World world;
  world.Send();
  world.Pass(kTimeout);
  REQUIRE(world.Stuck());
  world.slot_activity.Reset();
  world.row.queued = 0;
  CHECK_FALSE(world.Stuck());
}

}  // namespace preforkd::testing
