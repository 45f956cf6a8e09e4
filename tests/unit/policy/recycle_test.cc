// Recycling: which workers have served long enough, and that not all reach it at the same moment.
#include "master/policy/recycle.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <set>

namespace preforkd::testing {
namespace {

using std::chrono::seconds;

RecycleReading Reading(std::uint64_t requests, std::uint64_t memory, Duration age) {
  return {static_cast<Incarnation>(7), requests, memory, age};
}

}  // namespace

TEST_CASE("without limits no worker is recycled, whatever it has done") {
  const Recycle recycle(1);
  const std::uint64_t max = std::numeric_limits<std::uint64_t>::max();
  CHECK_FALSE(recycle.Judge(Reading(max, max, Duration::max()), {}));
}

TEST_CASE("each limit alone, at its edge") {
  const Recycle recycle(1);
  const auto incarnation = static_cast<Incarnation>(7);

  const std::uint64_t requests = recycle.LimitFor(incarnation, 1000);
  const RecycleLimits by_requests{.max_requests = 1000};
  CHECK_FALSE(recycle.Judge(Reading(requests - 1, 0, {}), by_requests));
  CHECK(recycle.Judge(Reading(requests, 0, {}), by_requests).value().reason == RecycleReason::kRequests);

  const RecycleLimits by_memory{.max_memory = 64 << 20};
  CHECK_FALSE(recycle.Judge(Reading(0, 64 << 20, {}), by_memory));
  const std::optional<RecycleVerdict> large =
      recycle.Judge(Reading(0, (64 << 20) + (1 << 19), {}), by_memory);
  REQUIRE(large);
  CHECK(large->reason == RecycleReason::kMemory);
  CHECK(large->text == "64.5 MiB of memory, the limit is 64.0 MiB");

  const RecycleLimits by_age{.max_lifetime = seconds(100)};
  const Duration age(static_cast<Duration::rep>(recycle.LimitFor(
      incarnation, static_cast<std::uint64_t>(std::chrono::duration_cast<Duration>(seconds(100)).count()))));
  CHECK_FALSE(recycle.Judge(Reading(0, 0, age - Duration(1)), by_age));
  CHECK(recycle.Judge(Reading(0, 0, age), by_age).value().reason == RecycleReason::kLifetime);
}

TEST_CASE("limits differ from worker to worker by at most a fifth, and stay as they are") {
  const Recycle recycle(42);
  std::set<std::uint64_t> limits;
  for (std::uint64_t i = 1; i <= 1000; ++i) {
    const std::uint64_t limit = recycle.LimitFor(static_cast<Incarnation>(i), 10'000);
    CHECK(limit >= 8'000);
    CHECK(limit <= 12'000);
    CHECK(limit == recycle.LimitFor(static_cast<Incarnation>(i), 10'000));
    limits.insert(limit);
  }
  CHECK(limits.size() > 300);
  CHECK(*limits.begin() < 8'200);
  CHECK(*limits.rbegin() > 11'800);
}

TEST_CASE("the smallest limit is one, and the largest does not overflow") {
  const Recycle recycle(3);
  const std::uint64_t large = std::numeric_limits<std::uint64_t>::max() / 2;
  for (std::uint64_t i = 1; i <= 100; ++i) {
    CHECK(recycle.LimitFor(static_cast<Incarnation>(i), 1) == 1);
    CHECK(recycle.LimitFor(static_cast<Incarnation>(i), large) >= large / 10 * 7);
  }
}

}  // namespace preforkd::testing
