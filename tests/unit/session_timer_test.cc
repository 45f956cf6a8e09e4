#include "worker/connection/session_timer.h"

#include <doctest/doctest.h>

#include <random>
#include <set>

namespace preforkd::testing {
namespace {

using std::chrono::milliseconds;

Time At(std::int64_t nanoseconds) { return FromNanoseconds(nanoseconds); }

}  // namespace

TEST_CASE("walk: a connection is parked at or soon after its time, never before") {
  std::mt19937_64 random(20261127);  // NOLINT: the same walk each time
  for (int step = 0; step < 100'000; ++step) {
    const Time now = At(static_cast<std::int64_t>(random() % 1'000'000'000'000'000));
    const Duration parking(random() % (step % 2 == 0 ? 100'000'000 : 100'000'000'000));
    const Duration late = SessionTimer::ParkingTime(now, parking) - (now + parking);
    REQUIRE(late >= Duration(0));
    REQUIRE(late < milliseconds(32));
    REQUIRE(late <= parking / 16);
  }
}

TEST_CASE("clients that become idle within a second are parked at few times") {
  for (const int parking_ms : {512, 700, 800, 60'000}) {
    std::set<Time> times;
    for (int client = 0; client < 1000; ++client)
      times.insert(SessionTimer::ParkingTime(At(1'000'000 * (client + 77'003LL)), milliseconds(parking_ms)));
    CHECK(times.size() <= 1000 / 32 + 2);
  }
}

TEST_CASE("a short time is kept to the nanosecond") {
  const Time now = At(123'456'789);
  for (const int parking_ms : {0, 1, 15})
    CHECK(SessionTimer::ParkingTime(now, milliseconds(parking_ms)) == now + milliseconds(parking_ms));
}

}  // namespace preforkd::testing
