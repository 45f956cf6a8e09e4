#include "master/policy/hang.h"

#include <doctest/doctest.h>

#include <vector>

namespace preforkd::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Verdict = HangWatch::Verdict;

constexpr Duration kTimeout = seconds(30);
constexpr Time kStart = Time{} + std::chrono::hours(1);

// One round a second, as the master makes them. `heartbeat` is the last one of the only worker.
struct World {
  HangWatch watch;
  HangState state;
  Time now = kStart;
  Time heartbeat = kStart;

  World() { (void)watch.BeginRound(kTimeout, now); }

  // The verdicts of the rounds of so many seconds, those that are not kFine.
  std::vector<Verdict> Pass(int rounds, bool beats) {
    std::vector<Verdict> verdicts;
    for (int i = 0; i < rounds; ++i) {
      now += HangWatch::Interval(kTimeout);
      CHECK_FALSE(watch.BeginRound(kTimeout, now));
      if (beats) heartbeat = now;
      const Verdict verdict = watch.Judge(state, heartbeat, kTimeout, now);
      if (verdict != Verdict::kFine) verdicts.push_back(verdict);
    }
    return verdicts;
  }
};

}  // namespace

TEST_CASE("rounds are a quarter of the timeout, a second at most") {
  CHECK(HangWatch::Interval(seconds(30)) == seconds(1));
  CHECK(HangWatch::Interval(milliseconds(400)) == milliseconds(100));
  CHECK(HangWatch::Interval(milliseconds(1)) == milliseconds(10));
}

TEST_CASE("a worker with heartbeats is never killed") {
  World world;
  CHECK(world.Pass(10'000, true).empty());
}

TEST_CASE("no heartbeat: SIGABRT after the timeout, SIGKILL after the grace, each once") {
  World world;
  CHECK(world.Pass(30, false).empty());  // one of them before the next heartbeat was due
  CHECK(world.Pass(1, false) == std::vector{Verdict::kAbort});
  CHECK(world.state.Aborted());
  CHECK(world.Pass(1, false).empty());
  CHECK(world.Pass(100, false) == std::vector{Verdict::kKill});
}

TEST_CASE("its successor gets a whole period") {
  World world;
  REQUIRE(world.Pass(31, false).size() == 1);
  world.state = {};
  world.heartbeat = world.now;
  CHECK(world.Pass(20, false).empty());
}

TEST_CASE("the master was paused for a minute: no worker is killed before a new period is over") {
  World world;
  world.now += seconds(60);
  CHECK(world.watch.BeginRound(kTimeout, world.now));
  CHECK(world.watch.Judge(world.state, world.heartbeat, kTimeout, world.now) == Verdict::kFine);
  CHECK(world.Pass(30, false).empty());
  CHECK(world.Pass(1, false) == std::vector{Verdict::kAbort});
}

TEST_CASE("a loop may stand still for all but hang_timeout, wherever between two heartbeats that begins") {
  constexpr Duration kShort = seconds(2);
  constexpr Duration kStandstill = kShort - milliseconds(1);
  for (Duration into = Duration(0); into <= kHeartbeatInterval; into += milliseconds(50)) {
    HangWatch watch;
    HangState state;
    (void)watch.BeginRound(kShort, kStart);
    const Time goes_on = kStart + into + kStandstill;  // and writes a heartbeat at once
    for (Time now = kStart; now < goes_on; now += HangWatch::Interval(kShort)) {
      CHECK_FALSE(watch.BeginRound(kShort, now));
      CHECK(watch.Judge(state, kStart, kShort, now) == Verdict::kFine);
    }
    CHECK(watch.Judge(state, kStart, kShort, goes_on) == Verdict::kFine);
  }
}

TEST_CASE("a round that is a little late is no pause") {
  World world;
  world.now += HangWatch::Interval(kTimeout) + kTimeout / 2;
  CHECK_FALSE(world.watch.BeginRound(kTimeout, world.now));
  world.now += HangWatch::Interval(kTimeout) + kTimeout / 2 + milliseconds(1);
  CHECK(world.watch.BeginRound(kTimeout, world.now));
}

TEST_CASE("a worker that was there before the watch began gets a whole period") {
  HangWatch watch;
  HangState state;
  (void)watch.BeginRound(kTimeout, kStart);
  CHECK(watch.Judge(state, kStart - std::chrono::hours(1), kTimeout, kStart) == Verdict::kFine);
}

}  // namespace preforkd::testing
