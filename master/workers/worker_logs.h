// WorkerLogs: where workers write their logs: what a new one is given, and how those that run are given new
// files.
#ifndef PREFORKD_MASTER_WORKERS_WORKER_LOGS_H_
#define PREFORKD_MASTER_WORKERS_WORKER_LOGS_H_

#include "common/process/log_fds.h"
#include "master/workers/log_reopening.h"
#include "master/workers/slots/supervisor_parts.h"

namespace preforkd {

class WorkerLogs {
 public:
  explicit WorkerLogs(const SupervisorParts& parts);

  // What new workers log to; borrowed.
  void Set(const LogFds& logs) { logs_ = logs; }
  [[nodiscard]] const LogFds& Fds() const { return logs_; }
  // Gives every worker `logs` (borrowed) as its logs from now on. `done` is called, at the latest after
  // LogReopening::kTimeout, when all of them have them, or with an error that names the slots that have not.
  void Reopen(const LogFds& logs, LogReopening::Done done);
  // It has them.
  void OnReopened(const WorkerId& id, std::uint64_t round) { reopening_.OnReopened(id, round); }
  // It leaves, or has ended: it needs no new files.
  void OnGone(const WorkerId& id) { reopening_.OnGone(id); }
  // Somebody waits for an answer.
  [[nodiscard]] bool Busy() const { return reopening_.Busy(); }

 private:
  LogReopening::Telling Tell(const WorkerId& worker, std::uint64_t round);
  SendOutcome Send(const WorkerId& worker, std::uint64_t round, LogKind kind, int fd);

  SupervisorParts parts_;
  LogFds logs_;
  LogReopening reopening_;
};

}  // namespace preforkd

#endif
