// Whether a connection may wait behind others.
#include "master/policy/callback_speed.h"

#include <doctest/doctest.h>

#include <utility>

namespace preforkd::testing {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

struct World {
  CallbackSpeed callback_speed;
  CallbackSums more;
  Time now = Time(seconds(1000));

  void Serve(std::uint64_t callbacks, Duration each) {
    more.callbacks += callbacks;
    more.busy_ns += callbacks * static_cast<std::uint64_t>(each.count());
  }
  bool FastAfter(Duration delay) {
    now += delay;
    callback_speed.Update(std::exchange(more, {}), now);
    return callback_speed.Fast();
  }
};

}  // namespace

TEST_CASE("not fast before it is known; slow as soon as one is, and then for ten seconds") {
  World world;
  CHECK_FALSE(world.callback_speed.Fast());
  CHECK_FALSE(world.FastAfter(seconds(1)));
  world.Serve(1000, microseconds(20));
  CHECK(world.FastAfter(seconds(1)));
  CHECK(world.FastAfter(seconds(1000)));  // no new callbacks: no reason to change
  world.Serve(1000, microseconds(200));
  CHECK_FALSE(world.FastAfter(seconds(1)));
  world.Serve(1000, microseconds(20));
  CHECK_FALSE(world.FastAfter(milliseconds(9'999)));
  CHECK_FALSE(world.FastAfter(milliseconds(1)));  // time alone is no reason either
  world.Serve(1000, microseconds(20));
  CHECK(world.FastAfter(milliseconds(1)));
  for (int i = 0; i < 30; ++i) {
    world.Serve(1000, microseconds(200));
    CHECK_FALSE(world.FastAfter(seconds(1)));
  }
}

TEST_CASE("a few that wait long are enough, some that were interrupted are not") {
  World world;
  world.Serve(990, microseconds(10));
  world.Serve(10, milliseconds(50));
  CHECK_FALSE(world.FastAfter(seconds(1)));
  World busy;
  busy.Serve(10'000, microseconds(20));
  busy.Serve(100, milliseconds(4));
  CHECK(busy.FastAfter(seconds(1)));
}

TEST_CASE("too few decide nothing yet and are kept, unless they have taken very long") {
  World world;
  world.Serve(1000, microseconds(20));
  CHECK(world.FastAfter(seconds(1)));
  world.Serve(40, milliseconds(1));
  CHECK(world.FastAfter(seconds(1)));
  world.Serve(40, milliseconds(1));
  CHECK(world.FastAfter(seconds(1)));
  world.Serve(40, milliseconds(1));
  CHECK_FALSE(world.FastAfter(seconds(1)));
  World rare;
  rare.Serve(1000, microseconds(20));
  CHECK(rare.FastAfter(seconds(1)));
  rare.Serve(1, milliseconds(300));
  CHECK_FALSE(rare.FastAfter(seconds(1)));
  for (int i = 0; i < 100; ++i) {  // one in ten seconds is enough to go on being slow
    rare.Serve(1, milliseconds(300));
    CHECK_FALSE(rare.FastAfter(seconds(9)));
  }
}

TEST_CASE("ten checks a second") {
  World world;
  CHECK(world.callback_speed.Due(world.now));
  (void)world.FastAfter(seconds(1));
  CHECK_FALSE(world.callback_speed.Due(world.now + milliseconds(99)));
  CHECK(world.callback_speed.Due(world.now + milliseconds(100)));
}

}  // namespace preforkd::testing
