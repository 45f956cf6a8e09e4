#include "master/policy/fleet/backoff.h"

#include <doctest/doctest.h>

#include <limits>

namespace preforkd::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint32_t kLow = 0;
constexpr std::uint32_t kMiddle = std::numeric_limits<std::uint32_t>::max() / 2;
constexpr std::uint32_t kHigh = std::numeric_limits<std::uint32_t>::max();

double Delay(std::uint32_t failures, std::uint32_t random) {
  return Seconds(RestartDelay(failures, milliseconds(100), seconds(30), random));
}

}  // namespace

TEST_CASE("no failure, no wait") {
  for (const std::uint32_t random : {kLow, kMiddle, kHigh}) CHECK(Delay(0, random) == 0.0);
}

TEST_CASE("each failure doubles the wait, up to the maximum") {
  CHECK(Delay(1, kMiddle) == doctest::Approx(0.1));
  CHECK(Delay(2, kMiddle) == doctest::Approx(0.2));
  CHECK(Delay(5, kMiddle) == doctest::Approx(1.6));
  CHECK(Delay(9, kMiddle) == doctest::Approx(25.6));
  CHECK(Delay(10, kMiddle) == doctest::Approx(30.0));
  CHECK(Delay(kHigh, kMiddle) == doctest::Approx(30.0));
}

TEST_CASE("jitter moves the wait by a fifth, never beyond the maximum") {
  CHECK(Delay(2, kLow) == doctest::Approx(0.16));
  CHECK(Delay(2, kHigh) == doctest::Approx(0.24));
  CHECK(Delay(20, kLow) == doctest::Approx(24.0));
  CHECK(Delay(20, kHigh) == doctest::Approx(30.0));
}

TEST_CASE("a minimum above the maximum is the maximum") {
  CHECK(RestartDelay(3, seconds(5), seconds(2), kHigh) == seconds(2));
}

TEST_CASE("the budget allows a burst, then spaces restarts out") {
  const Time start{};
  RestartBudget budget(3, 10.0, start);
  for (int i = 0; i < 3; ++i) CHECK(budget.Take(start) == start);
  // Each of these gets its own time, a tenth of a second after the one before.
  for (int i = 1; i <= 5; ++i) CHECK(Seconds(budget.Take(start) - start) == doctest::Approx(0.1 * i));
}

TEST_CASE("the budget fills up again with time, but never beyond the burst") {
  const Time start{};
  RestartBudget budget(2, 10.0, start);
  (void)budget.Take(start);
  (void)budget.Take(start);
  const Time later = start + std::chrono::hours(1);
  CHECK(budget.Take(later) == later);
  CHECK(budget.Take(later) == later);
  CHECK(budget.Take(later) > later);
}

TEST_CASE("a clock that stands still or steps back adds nothing to the budget") {
  const Time start = Time{} + seconds(100);
  RestartBudget budget(1, 1.0, start);
  CHECK(budget.Take(start) == start);
  CHECK(budget.Take(start - seconds(50)) > start - seconds(50));
  CHECK(budget.Take(start) > start + seconds(1));
}

}  // namespace preforkd::testing
