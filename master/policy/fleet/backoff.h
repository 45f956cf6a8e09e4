// Decides when an exited worker may be restarted. Pure: no clock, no random device.
//
// Two rules together. A slot whose workers exit before they were useful waits, twice as long each time. And
// all restarts of a pool share a budget, so that a request that crashes each worker that serves it cannot
// keep the machine busy with forks.
#ifndef PREFORKD_MASTER_POLICY_FLEET_BACKOFF_H_
#define PREFORKD_MASTER_POLICY_FLEET_BACKOFF_H_

#include <cstdint>

#include "common/base/clock.h"

namespace preforkd {

// How long to wait after `failures` exits in a row before the worker was useful: 0 after none, then
// `minimum`, doubled with each further failure up to `maximum`. `random` (the full 32 bits) moves the delay
// by up to a fifth up or down, so that slots that failed together do not restart together. Never longer than
// `maximum`.
Duration RestartDelay(std::uint32_t failures, Duration minimum, Duration maximum, std::uint32_t random);

// A token bucket: `burst` restarts at once, `per_second` on average.
class RestartBudget {
 public:
  RestartBudget(std::uint32_t burst, double per_second, Time now);
  // Takes a token. Returns when the restart may happen: `now`, or later if the budget is used up. A later
  // time is reserved for this caller.
  Time Take(Time now);

 private:
  double burst_;
  double per_second_;
  double tokens_;  // negative: reserved ahead
  Time updated_;
};

}  // namespace preforkd

#endif
