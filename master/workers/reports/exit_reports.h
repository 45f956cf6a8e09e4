// ExitReports: logs how a worker exited and what that cost, and counts it by reason. Also polls what must be
// read before an exit: the OOM killer's count, and refused system calls.
#ifndef PREFORKD_MASTER_WORKERS_REPORTS_EXIT_REPORTS_H_
#define PREFORKD_MASTER_WORKERS_REPORTS_EXIT_REPORTS_H_

#include <map>
#include <string>

#include "common/process/oom.h"
#include "master/policy/oom_ledger.h"
#include "master/workers/reports/exit_diagnosis.h"
#include "master/workers/reports/refused_calls.h"
#include "master/workers/slots/supervisor_parts.h"

namespace preforkd {

class ExitReports {
 public:
  explicit ExitReports(const SupervisorParts& parts) : parts_(parts), refused_calls_(parts.Page()) {}

  // Polls. Call it in each round (rounds.h).
  void Update(Time now);
  // The slot's worker has exited; `was` is its state before. Reclaims what it had not taken, books the rest
  // as lost, and logs the exit. Precondition: the row is as the worker left it.
  void Report(WorkerSlot& slot, WorkerState was);

 private:
  void NoteOomKills(Time now);
  // True if the OOM killer has killed it, as far as that can be known.
  [[nodiscard]] bool TakenForMemory(const WorkerProcess& worker);
  [[nodiscard]] ExitDiagnosis Examine(WorkerSlot& slot, WorkerState was);
  // A warning if one request was in progress in several workers of the pool that exited in a row; else empty.
  std::string Suspicion(PoolId pool, const WorkerRow& row);

  SupervisorParts parts_;
  OomCounter oom_counter_;
  OomLedger oom_ledger_;
  std::map<PoolId, PoisonWatch> poison_watches_;
  RefusedCallReport refused_calls_;
};

}  // namespace preforkd

#endif
