#include "common/report/pool_reading.h"

#include <numeric>

namespace preforkd {

std::uint64_t PoolReading::Restarts() const {
  return std::accumulate(restarts.begin(), restarts.end(), std::uint64_t{0});
}

bool PoolReading::HasWorkers() const {
  return Workers(SlotState::kStarting) + Workers(SlotState::kReady) + Workers(SlotState::kRetiring) > 0;
}

std::vector<PoolReading> ReadPools(const Scoreboard& scoreboard) {
  std::vector<PoolReading> pools;
  for (const PoolRow& row : scoreboard.Pools()) {
    PoolReading& pool = pools.emplace_back();
    pool.name = row.name.Read();
    pool.kind = row.kind.Read();
    pool.used = row.used.load(std::memory_order_relaxed);
    pool.state = row.state.load(std::memory_order_relaxed);
    pool.workers_wanted = Get(row.workers_wanted);
    pool.workers_max = Get(row.workers_max);
    pool.waiting = Get(row.queue_length);
    pool.gathers = row.gathers.load(std::memory_order_relaxed);
    const RestartCounters& restarts = scoreboard.Master().restarts[pools.size() - 1];
    for (std::size_t i = 0; i < kRestartReasons; ++i)
      pool.restarts[i] = Get(restarts[static_cast<RestartReason>(i)]);
  }
  for (std::uint32_t i = 0; i < scoreboard.SlotsUsed(); ++i) {
    const WorkerRow& row = scoreboard.Row(Slot{i});
    const std::uint64_t pool = Get(row.pool);
    const auto state = static_cast<std::size_t>(row.state.load(std::memory_order_relaxed));
    if (pool < pools.size() && state < kSlotStates)
      ++pools[pool].workers[state];  // checked: a misbehaving worker may write anything
  }
  return pools;
}

std::uint64_t WorkersWanted(const std::vector<PoolReading>& pools) {
  return std::accumulate(
      pools.begin(), pools.end(), std::uint64_t{0},
      [](std::uint64_t sum, const PoolReading& pool) { return sum + (pool.used ? pool.workers_wanted : 0); });
}

std::uint64_t Restarts(const std::vector<PoolReading>& pools) {
  return std::accumulate(pools.begin(), pools.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const PoolReading& pool) { return sum + pool.Restarts(); });
}

std::string PoolNameOf(const WorkerRow& row, const std::vector<PoolReading>& pools) {
  const std::uint64_t pool = Get(row.pool);
  return pool < pools.size() ? pools[pool].name : std::string();
}

}  // namespace preforkd
