// Supervisor: the shell around Fleet. What happens to processes it tells to Fleet as events, and what Fleet
// answers it carries out as forks, signals and channel operations. Each of its jobs is a class of its own; it
// owns and connects them.
//
// After every event, from whichever part it comes, ApplyActions() carries out what has been decided: no part
// does it itself.
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

  // All that is borrowed outlives the supervisor.
  Supervisor(EventLoop& loop, const Scoreboard& scoreboard, PoolDispatchers& dispatcher,
             std::unique_ptr<Spawner> spawner, Ledger& ledger, Hooks hooks);

  void Begin(const GenerationSpec& generation);
  // ---- upgrade in place ----

  // Instead of Begin: goes on with the workers that `state` names, which serve as `generation` until a Reload
  // replaces them. `generation.config` is what holds for them from now on. Error: one could not be watched,
  // or its board not read.
  Status Restore(const GenerationSpec& generation, const UpgradeState& state);
  // After that, when there is no way back any more: from now on it acts.
  void GoOn();
  // Everything about the workers can be described now (workers_handover.h).
  bool PrepareSave() { return handover_.Prepare(); }
  // Describes it. Precondition: PrepareSave().
  void Save(UpgradeState& state) const { handover_.Save(state); }
  // Workers of the program before this one are told in what state the server is: they look at another board.
  void PublishState(MasterState state);

  // Precondition: MayReload().
  void Reload(const GenerationSpec& generation);
  // Precondition: the generation in service has the pool.
  void Scale(PoolId pool, std::uint32_t workers);
  // Replaces the worker in `slot`: another one is ready before it retires. Error: there is none that serves.
  Status Replace(Slot slot);
  // Gracefully: workers have until `deadline` to finish, and a moment more.
  void Stop(Time deadline);
  void StopAtOnce();
  // Connections wait and every ready worker of that pool is held up: starts one more, if they are blocked and
  // it is allowed.
  void OnAllSlow(PoolId pool);
  // Some child of this process has ended (SIGCHLD).
  void ReapChildren();
  [[nodiscard]] bool IsWorker(pid_t pid) const { return slots_.FindRunning(pid) != nullptr; }
  // Where workers write their logs.
  [[nodiscard]] WorkerLogs& Logs() { return logs_; }
  // There is no terminal for workers to write to.
  void SetDetached(bool detached) { starter_.SetDetached(detached); }

  // Which workers there are and should be.
  [[nodiscard]] const Fleet& Workers() const { return fleet_; }
  [[nodiscard]] const WorkerCounts& Counts() const { return counts_; }

 private:
  SupervisorParts Parts();
  // Carries out what Fleet has decided, arms the timer, and lets parcels flow to whoever is ready now. Called
  // after every event; an event that comes from inside is picked up by the running call.
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
  bool settling_ = false;
};

}  // namespace preforkd

#endif
