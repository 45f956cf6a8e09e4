#include "worker/http/idle_context.h"

#include <doctest/doctest.h>

#include <random>
#include <string>

namespace preforkd::testing {
using namespace http;  // NOLINT: the syntax under test

TEST_CASE("a packed context is unpacked to the same values") {
  for (const std::int64_t until : {std::int64_t{0}, std::int64_t{1}, INT64_MAX}) {
    for (const int lines : {0, 1, 4, 255}) {
      const IdleContext context{FromNanoseconds(until), static_cast<std::uint8_t>(lines)};
      CHECK(UnpackIdle(PackIdle(context)) == context);
      const IdleContext with_request{context.until, context.empty_lines, FromNanoseconds(until)};
      CHECK(UnpackIdle(PackIdle(with_request)) == with_request);
    }
  }
}

// Subtracting the present time from it must not overflow.
TEST_CASE("a forged time is never before the start of the clock") {
  for (const std::int64_t until : {std::int64_t{-1}, INT64_MIN}) {
    CHECK(UnpackIdle(PackIdle({FromNanoseconds(until), 3})) == IdleContext{FromNanoseconds(0), 3});
    CHECK(UnpackIdle(PackIdle({FromNanoseconds(1), 3, FromNanoseconds(until)})) ==
          IdleContext{FromNanoseconds(1), 3, FromNanoseconds(0)});
  }
}

TEST_CASE("a context of another version, or an invalid one, is ignored") {
  const std::string packed = PackIdle({FromNanoseconds(4711), 3});
  for (std::size_t size = 0; size < packed.size(); ++size)
    CHECK(UnpackIdle(packed.substr(0, size)) == IdleContext{});
  CHECK(UnpackIdle("\x01") == IdleContext{});
  CHECK(UnpackIdle("\x03" + packed.substr(1)) == IdleContext{});
  CHECK(UnpackIdle(packed + "what a later version adds") == IdleContext{FromNanoseconds(4711), 3});
}

TEST_CASE("a context fits into the string object itself") {
  CHECK(PackIdle({FromNanoseconds(4711), 3}).size() <= std::string().capacity());
}

}  // namespace preforkd::testing
