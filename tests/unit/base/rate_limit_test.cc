#include "common/structures/rate_limit.h"

#include <doctest/doctest.h>

namespace preforkd::testing {

using std::chrono::milliseconds;

TEST_CASE("one a second, and the next one gets the number held back") {
  OncePerSecond limit;
  const Time start{};
  CHECK(limit.Allow(start) == 0);
  for (int i = 1; i < 10; ++i) CHECK_FALSE(limit.Allow(start + milliseconds(i * 100)).has_value());
  CHECK(limit.Allow(start + milliseconds(1000)) == 9);
  CHECK_FALSE(limit.Allow(start + milliseconds(1999)).has_value());
  CHECK(limit.Allow(start + milliseconds(2000)) == 1);
  CHECK(limit.Allow(start + std::chrono::hours(1)) == 0);
}

}  // namespace preforkd::testing
