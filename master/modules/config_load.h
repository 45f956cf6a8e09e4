// ConfigLoad: reads a configuration, opens the modules that it names, and reads it again with what they
// declare. The second reading may name other modules, because a file may have changed meanwhile: this goes on
// for at most kMaxRounds readings. At last its certificates are checked.
#ifndef PREFORKD_MASTER_MODULES_CONFIG_LOAD_H_
#define PREFORKD_MASTER_MODULES_CONFIG_LOAD_H_

#include <functional>
#include <memory>
#include <vector>

#include "common/config/config_loader.h"
#include "common/event/event_loop.h"
#include "common/gate/checked_certificates.h"
#include "common/process/log_fds.h"
#include "common/process/program.h"
#include "master/modules/module_child.h"
#include "master/system/trial_probe.h"

namespace preforkd {

// In it no module is wanted any more. Its certificates are usable if there are no problems.
struct LoadedConfig : ConfigOutcome {
  CheckedCertificates certificates{};
};

// Certificates that have expired, or soon will, as warnings at their chains. `now`: seconds since the epoch.
std::vector<ConfigProblem> CertificateWarnings(const LoadedConfig& loaded, std::int64_t now);

// Opens one module after the other, each for TimeToOpen() with `longest`, then checks the certificates for
// at most that time, and waits: before the loop runs, and where nothing else is to be done.
LoadedConfig LoadConfigWithModules(ConfigInputs inputs, const Program& program,
                                   Duration longest = kModuleTimeout);
// The same without its certificates, for --print-config: the user who asks may not read the keys.
LoadedConfig LoadConfigToPrint(ConfigInputs inputs, const Program& program);

// The same while the loop goes on. Drops everything on destruction.
class ConfigLoad {
 public:
  // Called exactly once: in Run() if no process is needed, else from the loop. May destroy the ConfigLoad.
  using Done = std::function<void(LoadedConfig)>;

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
  // Of loaded_.
  void CheckCertificates();
  // May destroy this.
  void Finish();
  // Waits for `child`. Error: it could not be started or watched.
  Status Await(Result<TrialChild> child, Duration limit, TrialProbe::Done done);

  EventLoop& loop_;
  const Program& program_;
  LogFds logs_;
  ConfigInputs inputs_;
  Done done_;
  int rounds_ = 0;
  std::vector<ModuleWanted> wanted_;  // the last one is open now, or the next
  LoadedConfig loaded_;
  std::unique_ptr<TrialProbe> probe_;
};

}  // namespace preforkd

#endif
