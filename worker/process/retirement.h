// Retirement: how a worker leaves. It hands back connections that can travel, waits for the others until
// drain_timeout, and stops the event loop when none is left. Owned by the worker. The loop ends after the
// turn in which Over() has become true.
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
  // The arguments must outlive this object.
  Retirement(WorkerEnv& env, MasterLink& master, ConnectionTable& connections, ConnectionReturns& returns);
  Retirement(const Retirement&) = delete;
  Retirement& operator=(const Retirement&) = delete;

  // The master has told the worker to retire, or has ended.
  void Begin(Duration drain_timeout);
  // Leaves if retirement has begun and nothing is left to do.
  void LeaveIfDone();
  // Leaves at once, because the worker cannot go on.
  void Abort(WorkerExit code);
  // The event loop should end.
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
