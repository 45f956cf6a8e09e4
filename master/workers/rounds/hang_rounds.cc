#include "master/workers/rounds/hang_rounds.h"

#include <algorithm>
#include <csignal>
#include <set>

#include "common/base/log.h"

namespace preforkd {

Duration HangRounds::Interval() const {
  Duration shortest = HangWatch::Interval(Duration::max());
  for (const auto& [id, pool] : pools_) shortest = std::min(shortest, HangWatch::Interval(pool.timeout));
  return shortest;
}

void HangRounds::Judge(Time now) {
  UpdatePools();
  for (auto& [id, pool] : pools_) {
    if (!pool.watch.BeginRound(pool.timeout, now)) continue;
    log::Notice({log::kMasterPaused, {{"pool", parts_.generations.Serving().NameOf(id)}}},
                "the master was paused: waiting for fresh heartbeats of all workers");
  }
  for (const WorkerRecord& record : parts_.fleet.Records()) {
    if (record.state != WorkerState::kReady && record.state != WorkerState::kRetiring) continue;
    WorkerSlot& slot = parts_.slots.Of(record.slot);
    if (slot.Running()) Judge(slot, pools_.at(record.pool), now);
  }
}

void HangRounds::UpdatePools() {
  std::set<PoolId> used;
  for (const WorkerRecord& record : parts_.fleet.Records()) {
    const WorkerSlot& slot = parts_.slots.Of(record.slot);
    if (!slot.Running()) continue;
    // Two reloads since the last round may have added its pool and removed it: no generation has it any more.
    pools_.try_emplace(record.pool, Pool{{}, slot.Process()->HangTimeout()});
    used.insert(record.pool);
  }
  // Oldest generation last: the one in service decides.
  const auto& generations = parts_.generations.All();
  for (auto generation = generations.rbegin(); generation != generations.rend(); ++generation) {
    for (const PoolSpec& pool : generation->second.pools) {
      pools_[pool.id].timeout = pool.config->supervision.hang_timeout;
      used.insert(pool.id);
    }
  }
  std::erase_if(pools_, [&](const auto& pool) { return !used.contains(pool.first); });
}

void HangRounds::Judge(WorkerSlot& slot, const Pool& pool, Time now) {
  WorkerProcess& worker = *slot.Process();
  const auto beat = FromNanoseconds(static_cast<std::int64_t>(Get(slot.Row().heartbeat_ns)));
  // A worker that was told to retire while starting has no heartbeat yet.
  const Time heartbeat = std::max(worker.StartedAt(), beat);
  switch (pool.watch.Judge(worker.Hang(), heartbeat, pool.timeout, now)) {
    case HangWatch::Verdict::kFine: break;
    case HangWatch::Verdict::kAbort: {
      const double silent = Seconds(now - HangWatch::SilentSince(heartbeat));
      const std::string doing = slot.Row().DescribeDoing(ToNanoseconds(now));
      log::Error({log::kWorkerHung,
                  worker.Id(),
                  {{"worker_pid", worker.Pid()}, {"silent", silent}, {"doing", doing}}},
                 "worker has not responded for {:.1f} s, sending SIGABRT; it was doing: {}", silent, doing);
      worker.Signal(SIGABRT);
      break;
    }
    case HangWatch::Verdict::kKill:
      log::Error({log::kWorkerKilled, worker.Id(), {{"worker_pid", worker.Pid()}, {"cause", "hang"}}},
                 "worker did not exit after SIGABRT, sending SIGKILL");
      worker.Signal(SIGKILL);
      break;
  }
}

}  // namespace preforkd
