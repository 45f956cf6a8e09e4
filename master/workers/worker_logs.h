// WorkerLogs: the log files of workers: those that new workers get, and the switch of running ones to new
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

  // Sets the logs of new workers; borrowed.
  void Set(const LogFds& logs) { logs_ = logs; }
  [[nodiscard]] const LogFds& Fds() const { return logs_; }
  // Gives `logs` (borrowed) to all workers, running and new. `done` is called once, at the latest after
  // LogReopening::kTimeout: all workers have switched, or an error that names the slots that have not.
  void Reopen(const LogFds& logs, LogReopening::Done done);
  // The worker has switched.
  void OnReopened(const WorkerId& id, std::uint64_t round) { reopening_.OnReopened(id, round); }
  // The worker retires or has exited: it needs no new files.
  void OnGone(const WorkerId& id) { reopening_.OnGone(id); }
  // A Reopen has not been answered yet.
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
