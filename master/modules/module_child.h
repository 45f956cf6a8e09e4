// ModuleChild: a process that is thrown away. It runs the code of one module, and says one thing about it:
// the master never runs a user's code itself.
//
// Owns the process with its group, and the pipe it writes to. Kills what is left of them. Its owner decides
// how to wait until PidFd() is readable, which means that the process has exited, and for how long.
#ifndef PREFORKD_MASTER_MODULES_MODULE_CHILD_H_
#define PREFORKD_MASTER_MODULES_MODULE_CHILD_H_

#include <memory>
#include <string>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/base/unique_fd.h"
#include "common/config/config_loader.h"
#include "common/process/log_fds.h"
#include "common/process/preload_area.h"
#include "common/process/worker_start.h"
#include "common/scoreboard/scoreboard.h"
#include "master/system/spawn.h"

namespace preforkd {

// How long opening a module may take: the start_timeout of its pool, and at most `longest`.
inline constexpr Duration kModuleTimeout = std::chrono::seconds(10);
Duration TimeToOpen(const ModuleWanted& wanted, Duration longest = kModuleTimeout);

// What such a process is to do, and the words for it.
struct ModuleTask {
  WorkerEntry entry;                     // one of Program
  std::string path;                      // of the module
  std::shared_ptr<const Config> config;  // with one service and its pool
  Preloads preloads{};
  const char* doing = "it was opened";
  const char* if_late = ": a constructor hangs, or preforkd_module does";
};
ModuleTask OpeningOf(const ModuleWanted& wanted, const WorkerEntry& describe);

class ModuleChild {
 public:
  // `logs`: where the process logs, besides standard error.
  static Result<ModuleChild> Start(ModuleTask task, const LogFds& logs);

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
  // Takes its status and returns what it has written, or what it did instead: a sentence that names the
  // module. Call it once. Precondition: HasExited().
  Result<std::string> Finish();

 private:
  ModuleChild(ModuleTask task, SpawnedProcess process, UniqueFd output, Scoreboard board);
  void KillGroup() const;
  [[nodiscard]] Result<std::string> Judge(const siginfo_t& end) const;

  ModuleTask task_;
  SpawnedProcess process_;
  UniqueFd output_;
  Scoreboard board_;  // with one row: that of the process
  std::string said_;
  std::string stopped_;  // why we killed it; empty: we did not
};

// What the module declares, of an answer of Finish(), or why it cannot be used.
Result<ModuleDeclaration> DeclarationIn(const Result<std::string>& answer);

}  // namespace preforkd

#endif
