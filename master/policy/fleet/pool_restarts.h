// PoolRestarts: when the next worker of a pool may be started after one has died. Pure: no clock.
//
// Each pool has a budget and a jitter of its own, so the crash loop of one pool never moves the restarts of
// another. A pool that goes and comes back finds its budget as it was: a reload does not refill it.
#ifndef PREFORKD_MASTER_POLICY_FLEET_POOL_RESTARTS_H_
#define PREFORKD_MASTER_POLICY_FLEET_POOL_RESTARTS_H_

#include <cstdint>
#include <map>
#include <random>

#include "common/base/clock.h"
#include "common/base/ids.h"
#include "master/policy/fleet/backoff.h"
#include "master/policy/fleet/generation_target.h"

namespace preforkd {

class PoolRestarts {
 public:
  // `seed` is for the jitter.
  explicit PoolRestarts(std::uint32_t seed) : seed_(seed) {}
  // `failures`: deaths in a row without useful life. Takes from the pool's budget.
  Time NextStart(PoolId pool, std::uint32_t failures, const FleetSettings& settings, Time now);

 private:
  struct Pool {
    RestartBudget budget;
    std::minstd_rand random;
  };

  Pool& Of(PoolId pool, Time now);

  std::uint32_t seed_;
  std::map<PoolId, Pool> pools_;
};

}  // namespace preforkd

#endif
