#include "master/workers/worker_counts.h"

#include <algorithm>
#include <vector>

namespace preforkd {

std::uint32_t WorkerCounts::InService(PoolId pool, WorkerState state) const {
  const std::vector<WorkerRecord>& records = parts_.fleet.Records();
  return static_cast<std::uint32_t>(
      std::count_if(records.begin(), records.end(), [&](const WorkerRecord& record) {
        return record.pool == pool && record.state == state &&
               record.generation == parts_.generations.InService();
      }));
}

std::uint32_t WorkerCounts::Of(PoolId pool, WorkerState state) const {
  const std::vector<WorkerRecord>& records = parts_.fleet.Records();
  return static_cast<std::uint32_t>(std::count_if(
      records.begin(), records.end(),
      [&](const WorkerRecord& record) { return record.pool == pool && record.state == state; }));
}

std::uint32_t WorkerCounts::Max(PoolId pool) const {
  const PoolSpec* const spec = parts_.generations.Of(parts_.fleet.Current()).FindPool(pool);
  return spec != nullptr ? MaxWorkers(*spec->config, parts_.fleet.Desired(pool)) : 0;
}

std::uint32_t WorkerCounts::Beating(Time now) const {
  std::uint32_t beating = 0;
  for (const WorkerRecord& record : parts_.fleet.Records()) {
    if (record.state != WorkerState::kReady || record.generation != parts_.generations.InService()) continue;
    const PoolSpec* const pool = parts_.generations.Serving().FindPool(record.pool);
    const Duration timeout = pool->config->supervision.hang_timeout + kHeartbeatInterval;
    const auto heartbeat = static_cast<std::int64_t>(Get(parts_.scoreboard.Row(record.slot).heartbeat_ns));
    if (heartbeat > ToNanoseconds(now - timeout)) ++beating;
  }
  return beating;
}

}  // namespace preforkd
