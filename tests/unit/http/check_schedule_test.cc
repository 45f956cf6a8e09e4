// When the path of a served folder is checked again.
#include "worker/http/files/check_schedule.h"

#include <doctest/doctest.h>

#include <random>

namespace preforkd::testing {
using namespace http;  // NOLINT: the syntax under test
namespace {

using std::chrono::milliseconds;

constexpr Time kStart = Time(std::chrono::hours(5));

TEST_CASE("once a second after the last check") {
  CheckSchedule schedule(kStart);
  CHECK_FALSE(schedule.Due(kStart));
  CHECK_FALSE(schedule.Due(kStart + milliseconds(1000) - Duration(1)));
  CHECK(schedule.Due(kStart + milliseconds(1000)));
  CHECK(schedule.Due(kStart + std::chrono::hours(1000)));
  schedule.Checked(kStart + milliseconds(1500));
  CHECK_FALSE(schedule.Due(kStart + milliseconds(2499)));
  CHECK(schedule.Due(kStart + milliseconds(2500)));
}

TEST_CASE("a missing file causes a check at once, until there are too many") {
  CheckSchedule schedule(kStart);
  const auto looks = [&schedule](Duration after, int misses) {
    int allowed = 0;
    for (int i = 0; i < misses; ++i) allowed += schedule.SpendOnMiss(kStart + after) ? 1 : 0;
    return allowed;
  };
  CHECK(looks(milliseconds(0), 1000) == CheckSchedule::kMissesAtOnce);
  CHECK(looks(milliseconds(10) - Duration(1), 1000) == 0);
  CHECK(looks(milliseconds(10), 1000) == 1);
  CHECK(looks(milliseconds(40), 2) == 2);
  CHECK(looks(milliseconds(40), 1000) == 1);
  CHECK(looks(std::chrono::hours(1000), 1000) == CheckSchedule::kMissesAtOnce);
  // A missing file every 10 ms always causes a check.
  for (int i = 1; i <= 1000; ++i)
    REQUIRE(looks(std::chrono::hours(2000) + i * CheckSchedule::kPerMiss, 1) == 1);
}

// Requests at random times, hits and misses.
TEST_CASE("no request sees what the path led to more than a second ago, and checks are rare") {
  std::mt19937 random(20261126);
  for (const int most_between_us : {50, 5'000, 3'000'000}) {
    CAPTURE(most_between_us);
    std::uniform_int_distribution between(0, most_between_us);
    std::bernoulli_distribution missed(0.5);
    CheckSchedule schedule(kStart);
    Time now = kStart;
    Time looked = kStart;
    int looks = 0;
    for (int i = 0; i < 100'000; ++i) {
      now += std::chrono::microseconds(between(random));
      if (schedule.Due(now) || (missed(random) && schedule.SpendOnMiss(now))) {
        schedule.Checked(now);
        looked = now;
        ++looks;
      }
      REQUIRE(now - looked < std::chrono::seconds(1));
    }
    CHECK(looks <= (now - kStart) / CheckSchedule::kPerMiss + (now - kStart) / CheckSchedule::kInterval +
                       CheckSchedule::kMissesAtOnce);
  }
}

}  // namespace
}  // namespace preforkd::testing
