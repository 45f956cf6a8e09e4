// WorkerExits: reaps worker processes and processes what they left: first the worker's remaining messages,
// then the parcels that it never took. Only the rest is lost.
//
// If no descriptor is free, messages stay in the channel and the slot is not refilled yet: the next worker
// would be held responsible for them.
#ifndef PREFORKD_MASTER_WORKERS_WORKER_EXITS_H_
#define PREFORKD_MASTER_WORKERS_WORKER_EXITS_H_

#include "master/workers/reports/exit_reports.h"
#include "master/workers/rounds/extra_workers.h"
#include "master/workers/slots/supervisor_parts.h"
#include "master/workers/worker_logs.h"
#include "master/workers/worker_messages.h"

namespace preforkd {

class WorkerExits {
 public:
  // All references outlive this.
  WorkerExits(const SupervisorParts& parts, WorkerMessages& messages, WorkerLogs& logs, ExtraWorkers& extras,
              ExitReports& reports)
      : parts_(parts), messages_(messages), logs_(logs), extras_(extras), reports_(reports) {}

  // The process of the slot has exited.
  void OnExit(WorkerSlot& slot);
  // A child has exited (SIGCHLD): reaps all that have, workers or not. Exits of workers are seen through
  // their pidfd too, but as the first process of a container we also get orphans. True: a worker was among
  // them.
  bool ReapChildren();
  // Processes what exited workers have left, as far as possible now. Call it again when descriptors are free.
  void FinishEnded();

 private:
  // Reports the exit, clears the slot and tells Fleet.
  void FinishExit(WorkerSlot& slot);
  // Writes the access log lines that the worker left unwritten.
  void RescueAccessLines(WorkerSlot& slot);

  SupervisorParts parts_;
  WorkerMessages& messages_;
  WorkerLogs& logs_;
  ExtraWorkers& extras_;
  ExitReports& reports_;
};

}  // namespace preforkd

#endif
