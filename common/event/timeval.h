// Converts durations for libevent. For this package only.
#ifndef PREFORKD_COMMON_EVENT_TIMEVAL_H_
#define PREFORKD_COMMON_EVENT_TIMEVAL_H_

#include <sys/time.h>

#include <algorithm>

#include "common/base/clock.h"

namespace preforkd {

// A negative duration becomes 0.
inline timeval ToTimeval(Duration duration) {
  const auto wait = std::max(std::chrono::duration_cast<std::chrono::microseconds>(duration).count(),
                             std::chrono::microseconds::rep{0});
  return timeval{static_cast<time_t>(wait / 1'000'000), static_cast<suseconds_t>(wait % 1'000'000)};
}

}  // namespace preforkd

#endif
