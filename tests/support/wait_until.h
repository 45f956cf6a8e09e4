// WaitUntil: how tests wait. It polls a condition until it holds or the time is over; no test sleeps for a
// fixed time and hopes that it is long enough.
#ifndef PREFORKD_TESTS_SUPPORT_WAIT_UNTIL_H_
#define PREFORKD_TESTS_SUPPORT_WAIT_UNTIL_H_

#include <poll.h>

#include "common/base/clock.h"

namespace preforkd::testing {

// Much longer than anything takes, even with sanitizers on a busy machine: it only ends a test that hangs.
inline constexpr Duration kTimeout = std::chrono::seconds(20);

// Between two polls.
inline constexpr int kPollIntervalMs = 2;

// True as soon as `condition` holds; false if it does not within `timeout`.
template <typename Condition>
[[nodiscard]] bool WaitUntil(Duration timeout, Condition condition) {
  const Time deadline = Now() + timeout;
  for (;;) {
    if (condition()) return true;
    if (Now() >= deadline) return false;
    (void)::poll(nullptr, 0, kPollIntervalMs);
  }
}

// For what must not happen: true if `condition` holds at every poll during `span`.
template <typename Condition>
[[nodiscard]] bool HoldsFor(Duration span, Condition condition) {
  return !WaitUntil(span, [&] { return !condition(); });
}

}  // namespace preforkd::testing

#endif
