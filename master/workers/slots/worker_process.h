// WorkerProcess: one worker process, from its fork (or its takeover in an upgrade) until everything it left
// is processed. Owns the pidfd, and the watches of its exit and its messages.
//
// The process may exit before this object is destroyed: its last messages can wait in the channel until a
// descriptor is free. Signals go through the pidfd, which never refers to another process; the pid is for log
// lines.
#ifndef PREFORKD_MASTER_WORKERS_SLOTS_WORKER_PROCESS_H_
#define PREFORKD_MASTER_WORKERS_SLOTS_WORKER_PROCESS_H_

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "common/base/clock.h"
#include "common/base/exit_code.h"
#include "common/base/ids.h"
#include "common/config/config.h"
#include "common/event/event_loop.h"
#include "common/event/fd_watch.h"
#include "common/scoreboard/reasons.h"
#include "master/policy/flood.h"
#include "master/policy/hang.h"
#include "master/policy/read_quota.h"
#include "master/workers/slots/spawner.h"

namespace preforkd {

class WorkerProcess {
 public:
  // `spawner` has started `process` and outlives this.
  WorkerProcess(Spawner& spawner, const WorkerId& id, const PoolConfig& pool, SpawnedProcess process,
                Time started_at)
      : spawner_(spawner),
        id_(id),
        pool_name_(pool.name),
        hang_timeout_(pool.supervision.hang_timeout),
        process_(std::move(process)),
        started_at_(started_at) {}

  // `channel` is the master's end, borrowed. Error: the process cannot be watched (ENOSPC, ENOMEM).
  Status Watch(EventLoop& loop, int channel, FdWatch::Callback on_exit, FdWatch::Callback on_message);

  [[nodiscard]] const WorkerId& Id() const { return id_; }
  // The name of its pool at its start, for log lines.
  [[nodiscard]] const std::string& PoolName() const { return pool_name_; }
  // That of its pool at its start: the pool may be gone from the configuration.
  [[nodiscard]] Duration HangTimeout() const { return hang_timeout_; }
  [[nodiscard]] pid_t Pid() const { return process_.pid; }
  [[nodiscard]] int PidFd() const { return process_.pidfd.Get(); }  // borrowed
  [[nodiscard]] Time StartedAt() const { return started_at_; }
  [[nodiscard]] bool Running() const { return !exit_.has_value(); }
  [[nodiscard]] HangState& Hang() { return hang_; }
  [[nodiscard]] bool Hung() const { return hang_.Aborted(); }

  // ---- messages ----
  // Starts or stops reading its messages; unread ones stay in the channel. No effect if it is untrusted.
  // Error: the channel cannot be watched and is not read: try again.
  Status SetReading(bool listening);
  // Call for each message that carries no connection. False: it sends too many.
  bool MaySpeak(Time now) { return flood_.Allow(now); }
  // For the next turn of reading.
  [[nodiscard]] ReadQuota& Quota() { return quota_; }
  // It has violated the protocol: none of its messages is read any more.
  void MarkUntrusted();
  [[nodiscard]] bool Untrusted() const { return untrusted_; }

  // ---- the end ----
  // Why its connections are lost if it exits now. Set it before a kill by the master.
  void SetLossReason(LossReason reason) { loss_reason_ = reason; }
  [[nodiscard]] LossReason LossReasonAtExit() const;
  // False: it has exited already, or the signal could not be sent.
  bool Signal(int signo) { return Running() && spawner_.Signal(process_, signo); }
  // False: it still runs.
  bool Reap();
  // For a process that cannot be watched.
  void KillAndReap();
  // How it exited. Precondition: it does not run.
  [[nodiscard]] const ExitReport& Exit() const { return *exit_; }

 private:
  void StopWatching();

  Spawner& spawner_;
  WorkerId id_;
  std::string pool_name_;
  Duration hang_timeout_;
  SpawnedProcess process_;
  Time started_at_;
  HangState hang_;
  FloodWatch flood_;
  ReadQuota quota_;
  bool untrusted_ = false;
  LossReason loss_reason_ = LossReason::kCrash;
  std::optional<ExitReport> exit_;
  std::unique_ptr<FdWatch> exit_watch_;
  std::unique_ptr<FdWatch> message_watch_;
};

}  // namespace preforkd

#endif
