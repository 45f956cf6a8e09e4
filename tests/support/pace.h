// Pace: for load at a steady rate, "every 5 ms". The wait is the load, not a hope that something has happened
// by then: for that there is WaitUntil.
#ifndef PREFORKD_TESTS_SUPPORT_PACE_H_
#define PREFORKD_TESTS_SUPPORT_PACE_H_

#include <algorithm>
#include <thread>

#include "common/base/clock.h"

namespace preforkd::testing {

class Pace {
 public:
  explicit Pace(Duration interval) : interval_(interval), next_(Now() + interval) {}

  // Until the next beat. Who is late is not made to hurry: the beats that were missed are left out.
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
