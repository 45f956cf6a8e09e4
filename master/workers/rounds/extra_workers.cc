#include "master/workers/rounds/extra_workers.h"

#include <algorithm>
#include <vector>

#include "common/base/log.h"
#include "common/process/process_state.h"

namespace preforkd {

bool ExtraWorkers::OnAllSlow(PoolId pool, Time now) {
  const GenerationSpec& generation = parts_.generations.Of(parts_.fleet.Current());
  const PoolSpec* const spec = generation.FindPool(pool);
  if (parts_.fleet.Stopping() || spec == nullptr) return false;
  ElasticReading reading = Read(*spec);
  // Clients wait, but not all workers have been in their callbacks for reclaim_after yet. If all sleep inside
  // them, they count as blocked already.
  if (reading.blocked < reading.ready && AllAsleep(pool)) reading.blocked = reading.ready;
  if (!elastic_[pool].WantsOneMore(reading, now)) return false;
  log::Notice({log::kExtraStarted,
               {{"pool", spec->config->name}, {"blocked", reading.ready}, {"waiting", reading.waiting}}},
              "all {} workers are blocked and {} connections wait: starting one more", reading.ready,
              reading.waiting);
  parts_.fleet.AddExtra(pool, now);
  if (parts_.fleet.Extras(pool) > reading.extras) return true;
  StartFailed(pool, now);  // no slot is free: do not retry at once
  return false;
}

void ExtraWorkers::ReleaseUnneeded(Time now) {
  const GenerationSpec& generation = parts_.generations.Of(parts_.fleet.Current());
  for (const PoolSpec& pool : generation.pools) {
    if (!elastic_[pool.id].CanSpareOne(Read(pool), now)) continue;
    log::Notice({log::kExtraRetired, {{"pool", pool.config->name}}},
                "an extra worker is not needed any more: retiring it");
    parts_.fleet.ReleaseExtra(pool.id, now);
  }
}

ElasticReading ExtraWorkers::Read(const PoolSpec& pool) const {
  const Fleet& fleet = parts_.fleet;
  const Pressure pressure = parts_.dispatcher.CurrentPressure(pool.id);
  ElasticReading reading;
  reading.ready = pressure.ready;
  reading.blocked = pressure.blocked;
  reading.waiting = pressure.waiting;
  reading.desired = fleet.Desired(pool.id);
  reading.extras = fleet.Extras(pool.id);
  reading.max = Max(pool, pressure.ready);
  for (const WorkerRecord& record : fleet.Records()) {
    const bool current = record.pool == pool.id && record.generation == fleet.Current();
    if (current && record.state == WorkerState::kStarting) ++reading.starting;
  }
  return reading;
}

std::uint32_t ExtraWorkers::Max(const PoolSpec& pool, std::uint32_t ready) const {
  std::uint32_t all = 0;
  for (const PoolSpec& each : parts_.generations.Of(parts_.fleet.Current()).pools) {
    all += parts_.fleet.Desired(each.id) + parts_.fleet.Extras(each.id);
  }
  const std::uint32_t room = ready + (all < kMaxInService ? kMaxInService - all : 0);
  return std::min(room, MaxWorkers(*pool.config, parts_.fleet.Desired(pool.id)));
}

bool ExtraWorkers::AllAsleep(PoolId pool) const {
  const std::vector<WorkerRecord>& records = parts_.fleet.Records();
  return std::all_of(records.begin(), records.end(), [&](const WorkerRecord& record) {
    const bool serves = record.pool == pool && record.state == WorkerState::kReady &&
                        record.generation == parts_.generations.InService();
    if (!serves) return true;
    WorkerSlot& slot = parts_.slots.Of(record.slot);
    if (!slot.Running()) return false;
    const pid_t pid = slot.Process()->Pid();
    // Blocked threads do not keep the loop from reading and sending: just now it was given a request.
    return Get(slot.Row().threads_busy_since_ns) != 0 ? IsAsleepBesideTheFirst(pid) : IsAsleep(pid);
  });
}

}  // namespace preforkd
