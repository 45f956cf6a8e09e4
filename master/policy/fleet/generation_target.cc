#include "master/policy/fleet/generation_target.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/base/check.h"

namespace preforkd {

const PoolTarget* GenerationTarget::Find(PoolId pool) const {
  const auto found = std::find_if(pools.begin(), pools.end(),
                                  [pool](const PoolTarget& target) { return target.pool == pool; });
  return found != pools.end() ? &*found : nullptr;
}

PoolTarget* GenerationTarget::Find(PoolId pool) {
  return const_cast<PoolTarget*>(std::as_const(*this).Find(pool));
}

std::uint32_t GenerationTarget::Workers() const {
  std::uint32_t workers = 0;
  for (const PoolTarget& pool : pools) workers += pool.workers;
  return workers;
}

std::string GenerationTarget::About(PoolId pool, const std::string& text) const {
  const PoolTarget* target = Find(pool);
  return pools.size() < 2 || target == nullptr ? text : fmt::format("pool \"{}\": {}", target->name, text);
}

void CheckTarget(const GenerationTarget& target) {
  PF_CHECK(!target.pools.empty(), "a generation without a pool");
  for (const PoolTarget& pool : target.pools) {
    PF_CHECK(pool.workers >= 1, "a pool without workers");
    PF_CHECK(target.Find(pool.pool) == &pool, "a pool that is in a generation twice");
  }
}

}  // namespace preforkd
