// Pace: for load at a steady rate, "every 5 ms". To wait for something to happen use WaitUntil instead.
#ifndef PREFORKD_TESTS_SUPPORT_PACE_H_
#define PREFORKD_TESTS_SUPPORT_PACE_H_

#include <algorithm>
#include <thread>

#include "common/base/clock.h"

namespace preforkd::testing {

class Pace {
 public:
  explicit Pace(Duration interval) : interval_(interval), next_(Now() + interval) {}

  // Waits until the next beat. Missed beats are left out, not made up for.
  void Wait() {
    std::this_thread::sleep_until(next_);
    next_ = std::max(next_, Now()) + interval_;
  }

 private:
  Duration interval_;
  Time next_;
};

}  // namespace preforkd::testing

#endif
