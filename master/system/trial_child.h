// TrialChild: a process that is thrown away and says something before it ends: what a module declares
// or has preloaded, or what is in certificates.
//
// Owns the process with its group, and the pipe it writes to. Kills what is left of them. Its owner decides
// how to wait until PidFd() is readable, which means that the process has exited, and for how long.
#ifndef PREFORKD_MASTER_SYSTEM_TRIAL_CHILD_H_
#define PREFORKD_MASTER_SYSTEM_TRIAL_CHILD_H_

#include <csignal>
#include <cstddef>
#include <string>

#include "common/base/exit_code.h"
#include "common/base/result.h"
#include "common/base/unique_fd.h"
#include "common/process/log_fds.h"
#include "common/process/worker_start.h"
#include "common/scoreboard/scoreboard.h"
#include "master/system/spawn.h"
#include "master/system/trial_process.h"

namespace preforkd {

// How it went.
struct TrialEnd {
  ExitReport exit;
  std::string said;      // what it has written
  std::string startup;   // WorkerRow::startup
  bool flooded = false;  // killed, because it wrote more than it may
  bool late = false;     // killed, because it had had its time
};

class TrialChild {
 public:
  // Runs `entry` as SpawnTrial does, with the write end of a pipe as its channel; more than `max_output`
  // bytes there are too many. `logs`: where the process logs, besides standard error.
  static Result<TrialChild> Start(const WorkerEntry& entry, const TrialInputs& inputs, std::size_t max_output,
                                  const LogFds& logs);

  TrialChild(TrialChild&&) = default;
  TrialChild& operator=(TrialChild&&) = delete;
  ~TrialChild();

  [[nodiscard]] pid_t Pid() const { return process_.pid; }
  [[nodiscard]] int PidFd() const { return process_.pidfd.Get(); }  // readable when it has exited
  [[nodiscard]] int Output() const { return output_.Get(); }        // does not block

  // Reads all that it has written. False: nothing will follow.
  bool Read();
  // It has had its time: kills it.
  void GiveUp();
  // It has exited, and its status can be taken.
  [[nodiscard]] bool HasExited() const;
  // Takes its status. Call it once. Precondition: HasExited().
  TrialEnd Finish();

 private:
  TrialChild(SpawnedProcess process, UniqueFd output, Scoreboard board, std::size_t max_output);
  void KillGroup() const;

  SpawnedProcess process_;
  UniqueFd output_;
  Scoreboard board_;  // with one row: that of the process
  std::size_t max_output_;
  std::string said_;
  bool flooded_ = false;
  bool late_ = false;
};

}  // namespace preforkd

#endif
