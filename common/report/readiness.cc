#include "common/report/readiness.h"

#include <algorithm>
#include <vector>

#include "common/report/pool_reading.h"

namespace preforkd {

std::string WhyNotReady(const Scoreboard& scoreboard) {
  if (scoreboard.Master().state.load(std::memory_order_relaxed) == MasterState::kStopping)
    return "the server is stopping";
  const std::vector<PoolReading> pools = ReadPools(scoreboard);
  const bool somebody = std::any_of(pools.begin(), pools.end(), [](const PoolReading& pool) {
    return pool.Workers(SlotState::kReady) > 0;
  });
  std::string names;
  for (const PoolReading& pool : pools) {
    const bool fine = pool.Workers(SlotState::kReady) > 0 || (somebody && pool.state == PoolState::kServing);
    if (pool.used && !fine) names += (names.empty() ? "" : ", ") + pool.name;
  }
  if (!names.empty()) return "no worker is ready in: " + names;
  return somebody ? "" : "no worker is ready";
}

}  // namespace preforkd
