// ExitReports: says in the log how a worker has ended and what that has cost, and counts it by its reason.
// Looks for what only a glance before the end can tell: the OOM killer's count, system calls that were
// refused.
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

  // Once in a while.
  void Update(Time now);
  // The slot's worker has ended, in state `was`: reclaims what it has not taken, books the rest, and reports
  // it. Precondition: the row is as the worker left it.
  void Report(WorkerSlot& slot, WorkerState was);

 private:
  void NoteOomKills(Time now);
  // The OOM killer has ended it, as far as can be known.
  [[nodiscard]] bool TakenForMemory(const WorkerProcess& worker);
  [[nodiscard]] ExitDiagnosis Examine(WorkerSlot& slot, WorkerState was);
  // A warning, when its request has ended several workers of the pool in a row; else empty.
  std::string Suspicion(PoolId pool, const WorkerRow& row);

  SupervisorParts parts_;
  OomCounter oom_counter_;
  OomLedger oom_ledger_;
  std::map<PoolId, PoisonWatch> poison_watches_;
  RefusedCallReport refused_calls_;
};

}  // namespace preforkd

#endif
