#include "master/workers/rounds/extra_workers.h"

#include <algorithm>
#include <vector>

#include "common/base/log.h"
#include "common/process/process_state.h"

namespace preforkd {

void ExtraWorkers::OnAllHeldUp(PoolId pool, Time now) {
  if (parts_.fleet.Stopping()) return;
  ElasticReading reading = Read();
  // Not for the whole of reclaim_after yet, and clients wait: one that sleeps in there is believed to be
  // blocked already.
  if (reading.blocked < reading.ready && AllAsleep()) reading.blocked = reading.ready;
  if (!elastic_.WantsOneMore(reading, now)) return;
  log::Notice("all {} workers are blocked and {} connections wait: starting one more", reading.ready,
              reading.waiting);
  parts_.fleet.AddExtra(pool, now);
}

void ExtraWorkers::ReleaseUnneeded(Time now) {
  if (!elastic_.CanSpareOne(Read(), now)) return;
  log::Notice("an extra worker is not needed any more");
  parts_.fleet.ReleaseExtra(kMainPool, now);
}

ElasticReading ExtraWorkers::Read() const {
  const Fleet& fleet = parts_.fleet;
  const Pressure pressure = parts_.dispatcher.CurrentPressure(kMainPool);
  ElasticReading reading;
  reading.ready = pressure.ready;
  reading.blocked = pressure.blocked;
  reading.waiting = pressure.waiting;
  reading.desired = fleet.Desired(kMainPool);
  reading.extras = fleet.Extras(kMainPool);
  const std::uint32_t most = parts_.generations.Of(fleet.Current()).config->workers_max;
  reading.most = MostWorkers(most, reading.desired);
  for (const WorkerRecord& record : fleet.Records()) {
    if (record.state == WorkerState::kStarting && record.generation == fleet.Current()) ++reading.starting;
  }
  return reading;
}

bool ExtraWorkers::AllAsleep() const {
  const std::vector<WorkerRecord>& records = parts_.fleet.Records();
  return std::all_of(records.begin(), records.end(), [this](const WorkerRecord& record) {
    if (record.state != WorkerState::kReady || record.generation != parts_.generations.InService())
      return true;
    const WorkerSlot& slot = parts_.slots.Of(record.slot);
    return slot.Running() && IsAsleep(slot.Process()->Pid());
  });
}

}  // namespace preforkd
