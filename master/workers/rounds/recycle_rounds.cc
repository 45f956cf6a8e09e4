#include "master/workers/rounds/recycle_rounds.h"

#include <algorithm>
#include <vector>

#include "common/base/log.h"

namespace preforkd {
namespace {

RecycleReason ReasonOf(RecycleLimit limit) {
  switch (limit) {
    case RecycleLimit::kRequests:
      return RecycleReason::kRequests;
    case RecycleLimit::kMemory:
      return RecycleReason::kMemory;
    case RecycleLimit::kLifetime:
      return RecycleReason::kLifetime;
  }
  return RecycleReason::kAsked;
}

}  // namespace

void RecycleRounds::ReplaceOne(Time now) {
  Fleet& fleet = parts_.fleet;
  // A generation that comes in replaces everybody anyway.
  if (fleet.Stopping() || fleet.Changing()) return;
  const std::vector<WorkerRecord>& records = fleet.Records();
  if (std::any_of(records.begin(), records.end(), [](const auto& record) { return record.leaving; })) return;
  const SupervisionConfig& config = parts_.generations.Of(fleet.Current()).config->supervision;
  const RecycleLimits limits{config.max_requests, config.max_memory, config.max_lifetime};
  for (const WorkerRecord& record : records) {
    WorkerSlot& slot = parts_.slots.Of(record.slot);
    if (record.state != WorkerState::kReady || !slot.Running()) continue;
    const RecycleReading reading{record.incarnation, Get(slot.Row().requests), Get(slot.Row().rss_bytes),
                                 now - slot.Process()->StartedAt()};
    const std::optional<RecycleVerdict> verdict = policy_.Judge(reading, limits);
    if (!verdict) continue;
    const WorkerId id = slot.Process()->Id();
    if (!fleet.Replace(id, now)) return;  // no slot is free: the next round tries again
    log::Notice("worker {} is replaced: {}", id, verdict->text);
    return Add(parts_.Page().recycled[ReasonOf(verdict->limit)]);  // the table has changed
  }
}

}  // namespace preforkd
