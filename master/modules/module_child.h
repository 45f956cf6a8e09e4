// ModuleChild: a process that is thrown away. It opens one module and says what that declares: the master
// never runs a user's code itself.
//
// Owns the process with its group, and the pipe it writes to. Kills what is left of them. Its owner decides
// how to wait until PidFd() is readable, which means that the process has exited, and for how long.
#ifndef PREFORKD_MASTER_MODULES_MODULE_CHILD_H_
#define PREFORKD_MASTER_MODULES_MODULE_CHILD_H_

#include <string>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/base/unique_fd.h"
#include "common/config/config_loader.h"
#include "common/process/log_fds.h"
#include "common/process/worker_start.h"
#include "common/scoreboard/scoreboard.h"
#include "master/system/spawn.h"

namespace preforkd {

// How long opening a module may take: the start_timeout of its pool, and at most `longest`.
inline constexpr Duration kModuleTimeout = std::chrono::seconds(10);
Duration TimeToOpen(const ModuleWanted& wanted, Duration longest = kModuleTimeout);

class ModuleChild {
 public:
  // `describe`: Program::describe_module. `logs`: where the process logs, besides standard error.
  static Result<ModuleChild> Start(const ModuleWanted& wanted, const WorkerEntry& describe,
                                   const LogFds& logs);

  ModuleChild(ModuleChild&&) = default;
  ModuleChild& operator=(ModuleChild&&) = delete;
  ~ModuleChild();

  [[nodiscard]] pid_t Pid() const { return process_.pid; }
  [[nodiscard]] int PidFd() const { return process_.pidfd.Get(); }  // readable when it has exited
  [[nodiscard]] int Output() const { return output_.Get(); }        // does not block

  // Reads all that it has written. False: nothing will follow. A process that writes too much is killed.
  bool Read();
  // It has had its time: kills it. `limit`: that time, for the error.
  void GiveUp(Duration limit);
  // It has exited, and its status can be taken.
  [[nodiscard]] bool HasExited() const;
  // Takes its status and returns what the module declares, or why it cannot be used: a predicate of the
  // module, or a sentence that names it. Call it once. Precondition: HasExited().
  Result<ModuleDeclaration> Finish();

 private:
  ModuleChild(std::string path, SpawnedProcess process, UniqueFd output, Scoreboard board);
  void KillGroup() const;
  [[nodiscard]] Result<ModuleDeclaration> Judge(const siginfo_t& end) const;

  std::string path_;
  SpawnedProcess process_;
  UniqueFd output_;
  Scoreboard board_;  // with one row: that of the process
  std::string said_;
  std::string stopped_;  // why we killed it; empty: we did not
};

}  // namespace preforkd

#endif
