// When a dead worker may be started again. Pure: no clock, no random device.
//
// Two rules together. A slot whose workers die before they were of use waits, twice as long each time. And
// all restarts share a budget, so that a request that kills each worker that serves it cannot make the
// machine do nothing but fork.
#ifndef PREFORKD_MASTER_POLICY_FLEET_BACKOFF_H_
#define PREFORKD_MASTER_POLICY_FLEET_BACKOFF_H_

#include <cstdint>

#include "common/base/clock.h"

namespace preforkd {

// How long to wait after `failures` deaths in a row without useful life: nothing after none, then minimum,
// twice that, and so on, at most `maximum`; each moved by up to a fifth up or down, by `random`, so that
// slots that died together do not come back together. Never longer than `maximum`.
Duration RestartDelay(std::uint32_t failures, Duration minimum, Duration maximum, std::uint32_t random);

// A token bucket: `burst` restarts at once, `per_second` in the long run.
class RestartBudget {
 public:
  RestartBudget(std::uint32_t burst, double per_second, Time now);
  // Takes a token. The time at which the restart may happen: `now`, or later if the budget is used up; a
  // later one is promised to this caller and counts.
  Time Take(Time now);

 private:
  double burst_;
  double per_second_;
  double tokens_;  // may be negative: promised ahead
  Time updated_;
};

}  // namespace preforkd

#endif
