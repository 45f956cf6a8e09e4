#include "master/policy/flood.h"

#include <doctest/doctest.h>

namespace preforkd::testing {
namespace {

constexpr Time kStart = Time{} + std::chrono::hours(1);

// The number of messages, one every `gap`, until one is too many; `max` if none is.
int Survives(FloodWatch& watch, Time& now, Duration gap, int max) {
  for (int i = 0; i < max; ++i) {
    now += gap;
    if (!watch.Allow(now)) return i;
  }
  return max;
}

}  // namespace

TEST_CASE("a million messages at once are sixty-four too few") {
  FloodWatch watch;
  Time now = kStart;
  CHECK(Survives(watch, now, Duration(0), 1'000'000) == static_cast<int>(FloodWatch::kBurst));
}

TEST_CASE("a normal worker's messages of a day are never too many") {
  FloodWatch watch;
  Time now = kStart;
  CHECK(Survives(watch, now, std::chrono::milliseconds(125), 700'000) == 700'000);
}

TEST_CASE("twice the rate is noticed within seconds") {
  FloodWatch watch;
  Time now = kStart;
  const int survived = Survives(watch, now, std::chrono::microseconds(62'500), 1'000'000);
  CHECK(survived >= 127);
  CHECK(survived <= 129);
}

TEST_CASE("a pause fills the bucket, never beyond the burst; a clock that steps back gives nothing") {
  FloodWatch watch;
  Time now = kStart;
  (void)Survives(watch, now, Duration(0), 1000);
  CHECK_FALSE(watch.Allow(now - std::chrono::hours(1)));
  now += std::chrono::hours(24);
  CHECK(Survives(watch, now, Duration(0), 1000) == static_cast<int>(FloodWatch::kBurst));
}

TEST_CASE("the next incarnation starts with a full bucket") {
  FloodWatch watch;
  Time now = kStart;
  (void)Survives(watch, now, Duration(0), 1000);
  watch.Reset();
  CHECK(watch.Allow(now));
}

}  // namespace preforkd::testing
