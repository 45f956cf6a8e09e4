// Supervisor: the shell around Fleet. Reports what happens to processes to Fleet as events, and carries out
// Fleet's actions as forks, signals and channel operations. Each job is a class of its own; Supervisor owns
// and connects them.
//
// After every event, from whichever part it comes, ApplyActions() carries out what Fleet has decided. No
// other part carries out actions.
#ifndef PREFORKD_MASTER_WORKERS_SUPERVISOR_H_
#define PREFORKD_MASTER_WORKERS_SUPERVISOR_H_

#include <memory>
#include <string>

#include "common/event/timer.h"
#include "master/policy/fleet/fleet.h"
#include "master/upgrade/state/upgrade_state.h"
#include "master/workers/reports/exit_reports.h"
#include "master/workers/rounds/extra_workers.h"
#include "master/workers/rounds/rounds.h"
#include "master/workers/slots/serving_generations.h"
#include "master/workers/slots/slot_table.h"
#include "master/workers/slots/spawner.h"
#include "master/workers/slots/supervisor_parts.h"
#include "master/workers/worker_counts.h"
#include "master/workers/worker_exits.h"
#include "master/workers/worker_logs.h"
#include "master/workers/worker_messages.h"
#include "master/workers/worker_starter.h"
#include "master/workers/workers_handover.h"

namespace preforkd {

class Supervisor {
 public:
  using Hooks = SupervisorHooks;

  // All references outlive the supervisor.
  Supervisor(EventLoop& loop, const Scoreboard& scoreboard, PoolDispatchers& dispatcher,
             std::unique_ptr<Spawner> spawner, Ledger& ledger, Hooks hooks);

  // Starts the first generation.
  void Begin(const GenerationSpec& generation);

  // ---- upgrade in place ----

  // Instead of Begin: resumes with the workers in `state`, which serve as `generation` until a Reload
  // replaces them. Takes over their descriptors. `generation.config` applies to them from now on. Error: a
  // worker could not be watched, or its scoreboard could not be read.
  Status Restore(const GenerationSpec& generation, const UpgradeState& state);
  // After Restore, when there is no way back any more: starts to act.
  void GoOn();
  // True if the worker state can be saved now (workers_handover.h).
  bool PrepareSave() { return handover_.Prepare(); }
  // Precondition: PrepareSave().
  void Save(UpgradeState& state) const { handover_.Save(state); }
  // Tells workers of previous programs the state of the server: they read another scoreboard.
  void PublishState(MasterState state);

  // Starts `generation` beside the one in service. Precondition: MayReload().
  void Reload(const GenerationSpec& generation);
  // Sets the worker count. Precondition: the generation in service has the pool.
  void Scale(PoolId pool, std::uint32_t workers);
  // Starts a replacement, then retires the worker in `slot`. Error: none serves there, or it cannot be
  // replaced.
  Status Replace(Slot slot);
  // Graceful: workers have until `deadline` to finish; shortly after it they are killed.
  void Stop(Time deadline);
  void StopAtOnce();
  // Connections wait, and all ready workers of `pool` are slow (slot_activity.h): starts one more if they are
  // blocked and the limits allow it.
  void OnAllSlow(PoolId pool);
  // The worker of that slot has noted ends of connections that it does not have (MasterBounds).
  void OnForgedNotes(Slot slot);
  // A child of this process has exited (SIGCHLD).
  void ReapChildren();
  [[nodiscard]] bool IsWorker(pid_t pid) const { return slots_.FindRunning(pid) != nullptr; }
  // The logs that workers write to.
  [[nodiscard]] WorkerLogs& Logs() { return logs_; }
  // Workers have no terminal to write to.
  void SetDetached(bool detached) { starter_.SetDetached(detached); }

  // Which workers exist and which should.
  [[nodiscard]] const Fleet& Workers() const { return fleet_; }
  [[nodiscard]] const WorkerCounts& Counts() const { return counts_; }

 private:
  SupervisorParts Parts();
  // Carries out the actions of Fleet, sets the timer, and dispatches waiting connections. Called after every
  // event; a nested call returns at once, because the running one picks up its actions.
  void ApplyActions();
  void Do(const Spawn& action);
  void Do(const Retire& action);
  void Do(const Kill& action);
  void Do(const Booted& action);
  void Do(const Promote& action);
  void Do(const Abandon& action);
  void Do(const Finish& action);

  EventLoop& loop_;
  const Scoreboard& scoreboard_;
  PoolDispatchers& dispatcher_;
  Ledger& ledger_;
  std::unique_ptr<Spawner> spawner_;
  Hooks hooks_;
  Fleet fleet_;
  SlotTable slots_;
  ServingGenerations generations_;
  WorkerLogs logs_;
  WorkerStarter starter_;
  WorkerMessages messages_;
  ExtraWorkers extras_;
  ExitReports reports_;
  WorkerExits exits_;
  Rounds rounds_;
  WorkersHandover handover_;
  WorkerCounts counts_;
  Timer deadline_;
  bool applying_ = false;
};

}  // namespace preforkd

#endif
