#include "master/policy/fleet/pool_restarts.h"

#include <algorithm>

namespace preforkd {
namespace {

// Budget of one pool: this many restarts at once, then so many per second.
constexpr std::uint32_t kRestartBurst = 32;
constexpr double kRestartsPerSecond = 10.0;
// Spreads the seeds of neighbouring pools over the whole range.
constexpr std::uint32_t kSeedStep = 0x9E3779B9;

}  // namespace

Time PoolRestarts::NextStart(PoolId pool, std::uint32_t failures, const FleetSettings& settings, Time now) {
  Pool& own = Of(pool, now);
  const Duration delay =
      RestartDelay(failures, settings.backoff_min, settings.backoff_max,
                   static_cast<std::uint32_t>(static_cast<std::uint64_t>(own.random()) * 2));
  return std::max(now + delay, own.budget.Take(now));
}

PoolRestarts::Pool& PoolRestarts::Of(PoolId pool, Time now) {
  const auto found = pools_.find(pool);
  if (found != pools_.end()) return found->second;
  Pool fresh{RestartBudget(kRestartBurst, kRestartsPerSecond, now),
             std::minstd_rand(seed_ + kSeedStep * Raw(pool))};
  return pools_.emplace(pool, fresh).first->second;
}

}  // namespace preforkd
