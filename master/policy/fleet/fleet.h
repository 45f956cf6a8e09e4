// Fleet: decides which workers should exist, in all pools. Pure: it is told events and times and returns
// actions. It does not fork, signal or log, and reads no clock.
//
// The rules:
//   - Each pool has as many workers of the current generation as desired. One that exits is restarted: at
//     once if it was useful, after a back-off otherwise. The restarts of a pool share a budget
//     (pool_restarts.h).
//   - A generation spans all pools. It enters service only when the first workers of every pool are ready
//     at the same time. If one exits before it was ready, the whole generation is abandoned, and the one in
//     service stays.
//   - A pool that the new generation does not have ends with the old generation.
//   - A reload waits until no process of an earlier generation is left (MayReload): never three at once.
//   - A worker that is to be replaced retires when its replacement is ready, not before.
//   - Starting and retiring have a deadline, followed by SIGKILL.
//   - The very first generation serves when each pool has had a ready worker, and gives up when none of the
//     workers of a pool can start (first_boot.h).
//
// Slots are numbered over all pools; a free slot may go to another pool than before.
#ifndef PREFORKD_MASTER_POLICY_FLEET_FLEET_H_
#define PREFORKD_MASTER_POLICY_FLEET_FLEET_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/exit_code.h"
#include "common/base/ids.h"
#include "master/policy/fleet/first_boot.h"
#include "master/policy/fleet/fleet_actions.h"
#include "master/policy/fleet/generation_target.h"
#include "master/policy/fleet/pool_restarts.h"
#include "master/policy/fleet/worker_table.h"

namespace preforkd {

class Fleet {
 public:
  using Record = WorkerRecord;

  // `seed` is for the jitter. `max_slots` bounds the table, over all pools.
  Fleet(std::uint32_t max_slots, std::uint32_t seed);

  // ---- events ----
  // In all targets: at least one pool, each pool once, at least one worker per pool.
  // Starts the first generation.
  void Begin(Generation generation, std::vector<PoolTarget> pools, Time now);
  // Instead of Begin: `generation` serves already, with the workers `saved`. Missing workers are not started:
  // a Reload, which replaces all, or a Scale follows. Precondition: `pools` has the pool of each worker.
  void Restore(Generation generation, std::vector<PoolTarget> pools, const std::vector<SavedRecord>& saved);
  // Starts the next generation. Precondition: MayReload().
  void Reload(Generation generation, std::vector<PoolTarget> pools, Time now);
  void Spawned(Slot slot, Incarnation incarnation, Time now);
  void SpawnFailed(Slot slot, Time now);
  void Ready(const WorkerId& id, Time now);
  // `served`: it has finished at least one connection. `why`: how it ended, for the reason of an Abandon or
  // Finish.
  void Exited(const WorkerId& id, bool served, const std::string& why, Time now);
  // Starts a replacement, then retires `id`. False: `id` stays, because it leaves already or no slot is free.
  bool Replace(const WorkerId& id, Time now);
  // Sets the desired number of workers. Precondition: workers >= 1, and Desired(pool) >= 1.
  void Scale(PoolId pool, std::uint32_t workers, Time now);
  // Adds one worker beyond the desired number to the generation in service. It is not restarted.
  void AddExtra(PoolId pool, Time now);
  // Retires the pool's extra with the highest slot, if there is one.
  void ReleaseExtra(PoolId pool, Time now);
  // Graceful: all workers retire. They are killed after drain_timeout, or at `deadline` if that is sooner.
  void Stop(Time deadline, Time now);
  // Kills all workers.
  void StopAtOnce(Time now);
  // Does what is due. Call it at NextDeadline().
  void Tick(Time now) { table_.Tick(now); }

  // ---- answers ----
  // The actions since the last call.
  FleetActions TakeActions() { return table_.TakeActions(); }
  [[nodiscard]] std::optional<Time> NextDeadline() const { return table_.NextDeadline(); }

  // ---- queries ----
  [[nodiscard]] const std::vector<Record>& Records() const { return table_.Records(); }
  [[nodiscard]] const Record* Find(const WorkerId& id) const { return table_.Find(id); }
  // A generation is starting beside the one in service.
  [[nodiscard]] bool Changing() const { return next_.has_value(); }
  // A process of an earlier generation still finishes its connections, for at most drain_timeout.
  [[nodiscard]] bool Draining() const;
  [[nodiscard]] bool MayReload() const { return !Changing() && !Stopping() && !Draining(); }
  [[nodiscard]] bool Stopping() const { return life_ != Life::kRunning; }
  // Desired workers of the pool in the generation in service; 0: it has no such pool.
  [[nodiscard]] std::uint32_t Desired(PoolId pool) const;
  [[nodiscard]] std::uint32_t Extras(PoolId pool) const { return table_.CountExtras(pool); }
  [[nodiscard]] Generation Current() const { return current_.number; }

 private:
  // It may begin to stop by itself: when the first generation cannot start.
  enum class Life { kRunning, kStopping, kFinished };

  void Restart(Record& record, const std::string& why, Time now);
  void AbandonNext(std::string reason, Time now);
  void PromoteIfReady(Time now);
  void FinishIfEmpty();

  WorkerTable table_;
  PoolRestarts restarts_;
  FirstBoot boot_;
  GenerationTarget current_;
  std::optional<GenerationTarget> next_;
  Life life_ = Life::kRunning;
  Finish finish_;  // the action to send at the end
};

}  // namespace preforkd

#endif
