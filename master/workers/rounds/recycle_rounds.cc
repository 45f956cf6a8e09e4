#include "master/workers/rounds/recycle_rounds.h"

#include <algorithm>
#include <vector>

#include "common/base/log.h"

namespace preforkd {
void RecycleRounds::Replace(Time now) {
  // A generation that is starting replaces all workers anyway.
  if (parts_.fleet.Stopping() || parts_.fleet.Changing()) return;
  for (const PoolSpec& pool : parts_.generations.Of(parts_.fleet.Current()).pools) ReplaceOne(pool, now);
}

void RecycleRounds::ReplaceOne(const PoolSpec& pool, Time now) {
  const std::vector<WorkerRecord>& records = parts_.fleet.Records();
  const bool busy = std::any_of(records.begin(), records.end(), [&](const WorkerRecord& record) {
    return record.pool == pool.id && record.leaving;
  });
  if (busy) return;
  const SupervisionConfig& config = pool.config->supervision;
  const RecycleLimits limits{config.max_requests, config.max_memory, config.max_lifetime};
  for (const WorkerRecord& record : records) {
    WorkerSlot& slot = parts_.slots.Of(record.slot);
    if (record.pool != pool.id || record.state != WorkerState::kReady || !slot.Running()) continue;
    const RecycleReading reading{record.incarnation, Get(slot.Row().requests), Get(slot.Row().rss_bytes),
                                 now - slot.Process()->StartedAt()};
    const std::optional<RecycleVerdict> verdict = policy_.Judge(reading, limits);
    if (!verdict) continue;
    const WorkerId id = slot.Process()->Id();
    if (!parts_.fleet.Replace(id, now)) return;  // no slot is free: the next round tries again
    log::Notice({log::kWorkerReplaced, id, {{"cause", RecycleReasonName(verdict->reason)}}},
                "worker is replaced: {}", verdict->text);
    return Add(parts_.Page().recycled[verdict->reason]);  // the table has changed
  }
}

}  // namespace preforkd
