#include "master/workers/worker_logs.h"

#include <fcntl.h>

#include <utility>
#include <vector>

#include "common/base/log.h"
#include "common/base/sys_error.h"

namespace preforkd {

WorkerLogs::WorkerLogs(const SupervisorParts& parts)
    : parts_(parts),
      reopening_(parts.loop, [this](const WorkerId& id, std::uint64_t round) { return Tell(id, round); }) {}

void WorkerLogs::Reopen(const LogFds& logs, LogReopening::Done done) {
  logs_ = logs;
  std::vector<WorkerId> workers;
  for (const auto& slot : parts_.slots.All()) {
    if (slot->Running() && slot->HasChannel()) workers.push_back(slot->Process()->Id());
  }
  reopening_.Begin(workers, std::move(done));
}

LogReopening::Telling WorkerLogs::Tell(const WorkerId& worker, std::uint64_t round) {
  WorkerSlot& slot = parts_.slots.Of(worker.slot);
  if (!slot.Runs(worker) || slot.Channel().Shut()) return LogReopening::Telling::kGone;
  // The access log must be sent first (messages.h).
  SendOutcome outcome = SendOutcome::kSent;
  if (logs_.access >= 0) outcome = Send(worker, round, LogKind::kAccess, logs_.access);
  if (outcome == SendOutcome::kSent) outcome = Send(worker, round, LogKind::kServer, logs_.server);
  if (outcome == SendOutcome::kSent) return LogReopening::Telling::kTold;
  return outcome == SendOutcome::kGone ? LogReopening::Telling::kGone : LogReopening::Telling::kNoRoom;
}

SendOutcome WorkerLogs::Send(const WorkerId& worker, std::uint64_t round, LogKind kind, int fd) {
  ReopenLog message{worker.incarnation, kind, logs_.sink, round, UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 0))};
  if (message.fd.Valid()) return parts_.slots.Of(worker.slot).Channel().Send(message).outcome;
  log::Error({log::kLogReopenFailed, worker}, "cannot send the log to the worker: {}",
             SysError("fcntl", "log").text);
  return SendOutcome::kTooMany;
}

}  // namespace preforkd
