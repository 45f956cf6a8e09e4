#include "worker/process/crowding.h"

#include <doctest/doctest.h>

#include <optional>
#include <vector>

namespace preforkd::testing {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_CASE("the timeout: none while a quarter is free, and never less than a quarter of a second") {
  struct Row {
    Crowd crowd;
    std::optional<Duration> timeout;
  };
  const std::vector<Row> rows = {
      {{0, 50, false}, std::nullopt},
      {{38, 50, false}, std::nullopt},
      {{38, 50, true}, std::nullopt},  // the others may be waiting for another worker
      {{39, 50, false}, milliseconds(250) + milliseconds(9750) * 5 / 6},
      {{41, 50, false}, milliseconds(250) + milliseconds(9750) * 3 / 6},
      {{44, 50, false}, milliseconds(250)},
      {{50, 50, false}, milliseconds(250)},
      {{60, 50, true}, milliseconds(250)},  // the limit was lowered
      {{7500, 10000, false}, std::nullopt},
      {{8750, 10000, false}, milliseconds(250)},
      {{1, 1, false}, std::nullopt},  // its one place is taken, and no other client waits
      {{1, 1, true}, milliseconds(250)},
      {{3, 3, false}, std::nullopt},
      {{3, 3, true}, milliseconds(250)},
      {{0, 0, false}, std::nullopt},
  };
  for (const Row& row : rows) {
    CAPTURE(row.crowd.connections);
    CAPTURE(row.crowd.max);
    CHECK(TimeoutOf(row.crowd) == row.timeout);
  }
}

TEST_CASE("the fuller, the shorter the timeout, for every size") {
  for (std::uint64_t max = 1; max <= 300; ++max) {
    Duration before = Duration::max();
    for (std::uint64_t connections = 0; connections <= max + 2; ++connections) {
      const Duration timeout = TimeoutOf({connections, max, true}).value_or(Duration::max());
      REQUIRE(timeout <= before);
      REQUIRE(timeout >= milliseconds(250));
      before = timeout;
    }
    CHECK(before == milliseconds(250));
  }
}

TEST_CASE("as many places as there are descriptors for, and no more") {
  CHECK(PlacesFor(0) == 0);
  CHECK(PlacesFor(DescriptorsFor(0)) == 0);
  for (std::uint64_t limit = DescriptorsFor(0); limit < DescriptorsFor(100); ++limit) {
    REQUIRE(DescriptorsFor(PlacesFor(limit)) <= limit);
    REQUIRE(DescriptorsFor(PlacesFor(limit) + 1) > limit);
  }
}

TEST_CASE("a worker's places: as configured, or fewer with few descriptors") {
  Config config;
  config.dispatch.max_connections = 100;
  CHECK(PlacesOf(config, DescriptorsFor(1000)) == 100);
  CHECK(PlacesOf(config, DescriptorsFor(40)) == 40);
  CHECK(PlacesOf(config, 0) == 0);
}

TEST_CASE("a check costs little of a worker's time, and comes soon") {
  CHECK(NextCheckAfter(0) == milliseconds(10));
  CHECK(NextCheckAfter(50) == milliseconds(10));
  CHECK(NextCheckAfter(10000) == milliseconds(50));
  CHECK(NextCheckAfter(1'000'000) == seconds(5));
}

}  // namespace preforkd::testing
