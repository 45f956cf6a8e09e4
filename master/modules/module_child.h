// A process that is thrown away runs the code of one module and says one thing about it: the master never
// runs a user's code itself.
#ifndef PREFORKD_MASTER_MODULES_MODULE_CHILD_H_
#define PREFORKD_MASTER_MODULES_MODULE_CHILD_H_

#include <memory>
#include <string>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/config/config_loader.h"
#include "common/process/log_fds.h"
#include "common/process/preload_area.h"
#include "common/process/worker_start.h"
#include "master/system/trial_child.h"

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
// `describe`: Program::describe_module.
ModuleTask OpeningOf(const ModuleWanted& wanted, const WorkerEntry& describe);

// `logs`: where the process logs, besides standard error.
Result<TrialChild> StartModule(const ModuleTask& task, const LogFds& logs);
// What the process has written, or what it did instead: a sentence that names the module. `limit`: the time
// that it had.
Result<std::string> JudgeModule(const ModuleTask& task, const TrialEnd& end, Duration limit);
// Starts it and waits, `limit` at most.
Result<std::string> RunModule(const ModuleTask& task, Duration limit, const LogFds& logs);

// What the module declares, of an answer of JudgeModule, or why it cannot be used.
Result<ModuleDeclaration> DeclarationIn(const Result<std::string>& answer);

}  // namespace preforkd

#endif
