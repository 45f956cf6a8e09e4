// ConfigLoad: reads a configuration, opens the modules that it names, and reads it again with what they
// declare. The second reading may name other modules, because a file may have changed meanwhile: this goes on
// for at most kMaxRounds readings.
#ifndef PREFORKD_MASTER_MODULES_CONFIG_LOAD_H_
#define PREFORKD_MASTER_MODULES_CONFIG_LOAD_H_

#include <functional>
#include <memory>

#include "common/config/config_loader.h"
#include "common/event/event_loop.h"
#include "common/process/log_fds.h"
#include "common/process/program.h"
#include "master/modules/module_probe.h"

namespace preforkd {

// In the outcome no module is wanted any more. Opens one module after the other, each for TimeToOpen() with
// `longest`, and waits: before the loop runs, and where nothing else is to be done.
ConfigOutcome LoadConfigWithModules(ConfigInputs inputs, const Program& program,
                                    Duration longest = kModuleTimeout);

// The same while the loop goes on. Drops everything on destruction.
class ConfigLoad {
 public:
  // Called exactly once: in Run() if no module is to be opened, else from the loop. May destroy the
  // ConfigLoad.
  using Done = std::function<void(ConfigOutcome)>;

  // `loop` and `program` outlive this. `logs`: where the processes that open modules log.
  ConfigLoad(EventLoop& loop, const Program& program, const LogFds& logs, ConfigInputs inputs, Done done);
  void Run();
  // A child of this process has exited. True if it was one of these, which is then handled.
  bool OnChildExit(pid_t pid) { return probe_ != nullptr && probe_->OnChildExit(pid); }

  ConfigLoad(const ConfigLoad&) = delete;
  ConfigLoad& operator=(const ConfigLoad&) = delete;
  ~ConfigLoad() = default;

 private:
  // Opens the next of wanted_; when all are open, reads again.
  void OpenNext();
  void OnOpened(Result<ModuleDeclaration> module);
  Status Start(const ModuleWanted& wanted);

  EventLoop& loop_;
  const Program& program_;
  LogFds logs_;
  ConfigInputs inputs_;
  Done done_;
  int rounds_ = 0;
  std::vector<ModuleWanted> wanted_;  // the last one is open now, or the next
  std::unique_ptr<ModuleProbe> probe_;
};

}  // namespace preforkd

#endif
