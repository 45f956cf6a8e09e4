// Whether a connection may wait behind another one.
#include "master/policy/briskness.h"

#include <doctest/doctest.h>

#include <random>

namespace preforkd {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Workers, and the clock of those who look at them.
struct World {
  Briskness briskness;
  CallbackSums sums;
  Time now = Time(seconds(1000));

  void Serve(std::uint64_t callbacks, Duration each) {
    sums.callbacks += callbacks;
    sums.busy_ns += callbacks * static_cast<std::uint64_t>(each.count());
  }
  bool LookAfter(Duration delay) {
    now += delay;
    briskness.Look(sums, now);
    return briskness.Brisk(now);
  }
};

}  // namespace

TEST_CASE("brisk until it is known otherwise; then not for ten seconds") {
  World world;
  CHECK(world.briskness.Brisk(world.now));
  CHECK(world.LookAfter(seconds(1)));
  world.Serve(1000, microseconds(20));
  CHECK(world.LookAfter(seconds(1)));
  world.Serve(1000, microseconds(200));
  CHECK_FALSE(world.LookAfter(seconds(1)));
  CHECK_FALSE(world.briskness.Brisk(world.now + milliseconds(9999)));
  CHECK(world.briskness.Brisk(world.now + seconds(10)));
  for (int i = 0; i < 30; ++i) {  // and as long as they are slow
    world.Serve(1000, microseconds(200));
    CHECK_FALSE(world.LookAfter(seconds(1)));
  }
}

TEST_CASE("a few that wait long are enough, some that were interrupted are not") {
  World world;
  world.Serve(990, microseconds(10));
  world.Serve(10, milliseconds(50));
  CHECK_FALSE(world.LookAfter(seconds(1)));
  World busy;
  busy.Serve(10'000, microseconds(20));
  busy.Serve(100, milliseconds(4));
  CHECK(busy.LookAfter(seconds(1)));
}

TEST_CASE("too few callbacks say nothing yet, and are not forgotten") {
  World world;
  world.Serve(40, milliseconds(5));
  CHECK(world.LookAfter(seconds(1)));
  world.Serve(40, milliseconds(5));
  CHECK(world.LookAfter(seconds(1)));
  world.Serve(40, milliseconds(5));
  CHECK_FALSE(world.LookAfter(seconds(1)));
}

TEST_CASE("a look a second, and a row that began anew begins a new average") {
  World world;
  CHECK(world.briskness.Due(world.now));
  world.Serve(1'000'000, microseconds(10));
  CHECK(world.LookAfter(seconds(1)));
  CHECK_FALSE(world.briskness.Due(world.now + milliseconds(999)));
  CHECK(world.briskness.Due(world.now + seconds(1)));
  world.sums = {};
  world.Serve(50, milliseconds(50));
  CHECK(world.LookAfter(seconds(1)));
  world.Serve(100, milliseconds(50));
  CHECK_FALSE(world.LookAfter(seconds(1)));
}

}  // namespace preforkd
