// Retirement: how a worker leaves: hands back what can travel, waits for the rest until drain_timeout, and
// stops the loop when nothing is left. Owned by the worker; the loop ends after the turn in which Over() has
// become true.
#ifndef PREFORKD_WORKER_PROCESS_RETIREMENT_H_
#define PREFORKD_WORKER_PROCESS_RETIREMENT_H_

#include "common/base/exit_code.h"
#include "common/event/timer.h"
#include "worker/connection/connection_table.h"
#include "worker/process/connection_returns.h"
#include "worker/process/master_link.h"

namespace preforkd {

class Retirement {
 public:
  // All outlive it.
  Retirement(WorkerEnv& env, MasterLink& master, ConnectionTable& connections, ConnectionReturns& returns);
  Retirement(const Retirement&) = delete;
  Retirement& operator=(const Retirement&) = delete;

  // The master has told the worker to leave, or is gone.
  void Begin(Duration drain_timeout);
  // Leaves when it has begun and nothing is left to do.
  void LeaveIfDone();
  // Leaves at once: the worker cannot go on.
  void Abort(WorkerExit code);
  // Nothing more to do.
  [[nodiscard]] bool Over() const { return over_; }
  [[nodiscard]] WorkerExit Exit() const { return exit_; }

 private:
  void OnDrainTimeout();
  void Leave();

  WorkerEnv& env_;
  MasterLink& master_;
  ConnectionTable& connections_;
  ConnectionReturns& returns_;
  Timer drain_deadline_;
  WorkerExit exit_ = WorkerExit::kRetired;
  bool over_ = false;
};

}  // namespace preforkd

#endif
