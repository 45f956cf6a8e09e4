// WaitUntil: how a test waits. Asks again and again until the condition holds or the time is over; a test
// never sleeps for a time that somebody once thought to be long enough.
#ifndef PREFORKD_TESTS_SUPPORT_WAIT_UNTIL_H_
#define PREFORKD_TESTS_SUPPORT_WAIT_UNTIL_H_

#include <poll.h>

#include "common/base/clock.h"

namespace preforkd::testing {

// Far beyond what anything takes here, even with sanitizers on a busy machine: it ends a test that hangs.
inline constexpr Duration kTimeout = std::chrono::seconds(20);

// Between two questions.
inline constexpr int kPollIntervalMs = 2;

// True as soon as `condition` is; false when it has not become so within `patience`.
template <typename Condition>
[[nodiscard]] bool WaitUntil(Duration timeout, Condition condition) {
  const Time deadline = Now() + timeout;
  for (;;) {
    if (condition()) return true;
    if (Now() >= deadline) return false;
    (void)::poll(nullptr, 0, kPollIntervalMs);
  }
}

// For what must not happen: true when `condition` has held every time it was asked within `span`.
template <typename Condition>
[[nodiscard]] bool HoldsFor(Duration span, Condition condition) {
  return !WaitUntil(span, [&] { return !condition(); });
}

}  // namespace preforkd::testing

#endif
