// WorkerStarter: puts worker processes into slots: forks new ones, and takes over those of the previous
// program (upgrade). Gives out incarnations.
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
  // Called from the loop: the slot's worker has sent a message, or has exited.
  struct Callbacks {
    std::function<void(WorkerSlot&)> on_message;
    std::function<void(WorkerSlot&)> on_exit;
  };

  // `logs` outlives this.
  WorkerStarter(const SupervisorParts& parts, const WorkerLogs& logs, Callbacks callbacks)
      : parts_(parts), logs_(logs), callbacks_(std::move(callbacks)) {}

  // Workers have no terminal to write to.
  void SetDetached(bool detached) { detached_ = detached; }
  [[nodiscard]] bool Detached() const { return detached_; }
  // The last incarnation that was given out.
  [[nodiscard]] Incarnation LastIncarnation() const { return last_incarnation_; }
  void SetLastIncarnation(Incarnation incarnation) { last_incarnation_ = incarnation; }

  // Starts a worker of `pool` in an empty slot. Precondition: `generation` has the pool. Error: none was
  // started, and the slot is as before.
  Result<Incarnation> Start(WorkerSlot& slot, PoolId pool, const GenerationSpec& generation);
  // Takes over a running worker of `pool`; `slot` has its channel. Error: it cannot be watched.
  Status TakeOver(WorkerSlot& slot, const WorkerId& id, const PoolConfig& pool, SpawnedProcess process,
                  Time started_at);

 private:
  // Makes sure that the slot has a channel for a new worker of `pool`.
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
