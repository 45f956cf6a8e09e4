// PoolRestarts: decides when the next worker of a pool may start after one has exited. Pure: no clock.
//
// Each pool has its own budget and jitter, so a crash loop in one pool never delays restarts in another. A
// pool that is removed and added again keeps its budget: a reload does not refill it.
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
  // `failures`: exits in a row before the worker was useful. Takes a token from the pool's budget.
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
