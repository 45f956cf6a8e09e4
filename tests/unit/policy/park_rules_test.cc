#include "master/policy/park_rules.h"

#include <doctest/doctest.h>

#include <random>

namespace preforkd::testing {
namespace {

ParkReading Roomy() {
  ParkReading reading;
  reading.parked = 10;
  reading.max = 100;
  return reading;
}

}  // namespace

TEST_CASE("an idle connection is parked while there is room") {
  CHECK(JudgeArrival(Roomy()) == ParkVerdict::kPark);
}

TEST_CASE("one that brings input goes to a worker at once, and so does each when nothing is to be parked") {
  ParkReading reading = Roomy();
  reading.has_work = true;
  CHECK(JudgeArrival(reading) == ParkVerdict::kDispatch);
  reading = Roomy();
  reading.parked = reading.max = 0;
  CHECK(JudgeArrival(reading) == ParkVerdict::kDispatch);
}

TEST_CASE("full: the connection parked for longest is evicted") {
  ParkReading reading = Roomy();
  reading.parked = reading.max;
  CHECK(JudgeArrival(reading) == ParkVerdict::kEvictFirst);
  reading.parked = reading.max - 1;
  CHECK(JudgeArrival(reading) == ParkVerdict::kPark);
}

TEST_CASE("the descriptor table is nearly full: the same, or a worker if there is nothing to evict") {
  ParkReading reading = Roomy();
  reading.table_full = true;
  CHECK(JudgeArrival(reading) == ParkVerdict::kEvictFirst);
  reading.parked = 0;
  CHECK(JudgeArrival(reading) == ParkVerdict::kDispatch);
}

TEST_CASE("stopping: it ends here, unless its client waits for an answer") {
  ParkReading reading = Roomy();
  reading.stopping = true;
  CHECK(JudgeArrival(reading) == ParkVerdict::kClose);
  reading.has_work = true;
  CHECK(JudgeArrival(reading) == ParkVerdict::kDispatch);
}

TEST_CASE("whatever arrives: never more parked than parking.max, never a closed connection while running") {
  std::mt19937 random(1);
  ParkReading reading = Roomy();
  for (int i = 0; i < 100'000; ++i) {
    reading.max = random() % 50;
    reading.parked = std::min<std::uint64_t>(reading.parked, reading.max);
    reading.table_full = random() % 2 == 0;
    reading.has_work = random() % 4 == 0;
    switch (JudgeArrival(reading)) {
      case ParkVerdict::kPark: ++reading.parked; break;
      case ParkVerdict::kEvictFirst: REQUIRE(reading.parked > 0); break;
      case ParkVerdict::kDispatch: break;
      case ParkVerdict::kClose: FAIL("closed without need");
    }
    CHECK(reading.parked <= reading.max);
    if (random() % 3 == 0 && reading.parked > 0) --reading.parked;
  }
}

}  // namespace preforkd::testing
