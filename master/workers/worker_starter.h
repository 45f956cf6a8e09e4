// WorkerStarter: puts worker processes into slots: forks new ones, and takes over those that the program
// before this one has left (upgrade). Gives out incarnations.
#ifndef PREFORKD_MASTER_WORKERS_WORKER_STARTER_H_
#define PREFORKD_MASTER_WORKERS_WORKER_STARTER_H_

#include <functional>
#include <string>
#include <utility>

#include "master/workers/slots/supervisor_parts.h"
#include "master/workers/worker_logs.h"

namespace preforkd {

class WorkerStarter {
 public:
  // Called from the loop: something can be read from the slot's worker, or it has ended.
  struct Callbacks {
    std::function<void(WorkerSlot&)> on_message;
    std::function<void(WorkerSlot&)> on_exit;
  };

  // `logs` outlives this.
  WorkerStarter(const SupervisorParts& parts, const WorkerLogs& logs, Callbacks callbacks)
      : parts_(parts), logs_(logs), callbacks_(std::move(callbacks)) {}

  // There is no terminal for workers to write to.
  void SetDetached(bool detached) { detached_ = detached; }
  [[nodiscard]] bool Detached() const { return detached_; }
  // The last one that was given out.
  [[nodiscard]] Incarnation LastIncarnation() const { return last_incarnation_; }
  void SetLastIncarnation(Incarnation incarnation) { last_incarnation_ = incarnation; }

  // Starts a worker of `pool`, which is one of `generation`, in an empty slot. Error: there is none, and the
  // slot is as it was.
  Result<Incarnation> Start(WorkerSlot& slot, PoolId pool, const GenerationSpec& generation);
  // A worker that runs already; `slot` has its channel. `pool_name`: for log lines. Error: it cannot
  // be watched.
  Status TakeOver(WorkerSlot& slot, const WorkerId& id, std::string pool_name, SpawnedProcess process,
                  Time started_at);

 private:
  // The channel that the worker is given.
  Status PrepareChannel(WorkerSlot& slot, PoolId pool);
  [[nodiscard]] WorkerStart StartOf(WorkerSlot& slot, PoolId pool, const GenerationSpec& generation,
                                    Incarnation incarnation) const;

  SupervisorParts parts_;
  const WorkerLogs& logs_;
  Callbacks callbacks_;
  Incarnation last_incarnation_{};
  bool detached_ = false;
};

}  // namespace preforkd

#endif
