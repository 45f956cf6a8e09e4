// Master: composes listeners, dispatcher, supervisor and those who carry out changes, and connects them. What
// happens is told to Change (policy/change.h), and what that decides is done by Reloader, Upgrader, Stopper
// and Commands.
//
// It reads no client byte, ever: it accepts, holds, passes and closes.
#ifndef PREFORKD_MASTER_MASTER_H_
#define PREFORKD_MASTER_MASTER_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/config/config_loader.h"
#include "common/event/signal_watch.h"
#include "master/change/commands.h"
#include "master/change/config_applier.h"
#include "master/change/master_parts.h"
#include "master/change/reloader.h"
#include "master/change/stopper.h"
#include "master/change/upgrader.h"

namespace preforkd {

class Master {
 public:
  // `inputs` are read again at each reload. `log`, `program` and `environment` outlive the master.
  // `words` are the operator's command line, `path` the file that an upgrade runs.
  Master(EventLoop& loop, const Scoreboard& scoreboard, LogOutput& log, const Program& program,
         const ServiceEnvironment& environment, ConfigInputs inputs, std::vector<std::string> words,
         std::string path);

  // Binds, starts the first generation, and serves until told to stop.
  // `on_serving` is called once, when the first generation serves.
  // `detached`: standard output and error belong to somebody who waits for us to let go of them.
  ExitCode Run(std::shared_ptr<const Config> config, std::function<void()> on_serving, bool detached);
  // Instead: resumes from the state of the program before this one, and starts a generation of its own.
  // `returned`: this is that very program again, because its successor could not, for the reason given; the
  // workers are its own, and stay. If something cannot be taken over, the process becomes the other program
  // again. `serving` is what its generation was made from, `coming` what is configured now.
  ExitCode RunRestored(std::shared_ptr<const Config> serving, std::shared_ptr<const Config> coming,
                       const UpgradeState& state, const std::optional<std::string>& returned);

 private:
  MasterParts Parts();
  Listener::Sink ListenerSink();
  Supervisor::Hooks SupervisorHooks();
  ListenerSet::ServiceTraits TraitsOf(const Config& config, const std::string& service);
  [[nodiscard]] Notices::Reading ReadHealth() const;
  Status WatchSignals();
  ExitCode Loop();

  // The state in `state`, and what `coming` wants; the requests that wait. Returns only when this program
  // stays.
  [[nodiscard]] Status CanBePassedOn() const;
  std::vector<WaiterId> TakeOver(const Config& coming, const UpgradeState& state, bool returned);

  // Has an action of Change done by whoever does it.
  void Execute(const ChangeAction& action);
  void Do(const Publish& action);

  void OnFirstReady();
  void OnPromote();
  void OnAbandon(Generation generation, const std::string& reason);
  void OnFinish(ExitCode code, const std::string& reason);
  void OnCongestion();
  void UpdateAccepting();

  MasterContext context_;
  std::function<void()> on_serving_;
  std::unique_ptr<SignalWatch> signals_;
  PidFiles pid_files_;
  Ledger ledger_;
  ChangeRunner changes_;
  PoolDispatchers dispatcher_;
  Parking parking_;
  ListenerSet listeners_;
  Supervisor supervisor_;
  ServiceManager manager_;
  Generations generations_;
  Waiters waiters_;
  ControlSockets control_;  // behind the waiters: its clients are theirs
  ConfigApplier applier_;
  Reloader reloader_;
  Upgrader upgrader_;
  Stopper stopper_;
  Commands commands_;
  ExitCode exit_code_ = ExitCode::kStopped;
};

}  // namespace preforkd

#endif
