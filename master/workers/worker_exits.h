// WorkerExits: waits for worker processes that have ended, and settles what they have left: first what a
// worker has said before its end, then what it never took; only then is the rest lost.
//
// While no descriptor is free for what it has said last, that waits in the channel, and the slot stays as it
// is: a successor would have to answer for it.
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
  // All outlive this.
  WorkerExits(const SupervisorParts& parts, WorkerMessages& messages, WorkerLogs& logs, ExtraWorkers& extras,
              ExitReports& reports)
      : parts_(parts), messages_(messages), logs_(logs), extras_(extras), reports_(reports) {}

  // The process of the slot has ended.
  void OnExit(WorkerSlot& slot);
  // Some child has ended (SIGCHLD): waits for all that have, workers or not. The end of a worker is seen
  // without that, but as the first process of a container we get children that are not ours. True: a worker
  // was among them.
  bool ReapChildren();
  // Settles what can be settled now. Call it again when descriptors are free.
  void FinishEnded();

 private:
  // Everything that ends with a worker.
  void FinishExit(WorkerSlot& slot);
  // Lines of the access log that it has not written are written now.
  void RescueAccessLines(WorkerSlot& slot);

  SupervisorParts parts_;
  WorkerMessages& messages_;
  WorkerLogs& logs_;
  ExtraWorkers& extras_;
  ExitReports& reports_;
};

}  // namespace preforkd

#endif
