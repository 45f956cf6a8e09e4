// Master: composes the listeners, the dispatcher, the supervisor and the classes that carry out changes, and
// connects them. Events go to Change (policy/change.h); its decisions are carried out by Reloader, Upgrader,
// Stopper and Commands.
//
// It never reads client data: it only accepts, holds, passes and closes connections.
#ifndef PREFORKD_MASTER_MASTER_H_
#define PREFORKD_MASTER_MASTER_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/config/config_loader.h"
#include "common/event/signal_watch.h"
#include "master/accept/admission.h"
#include "master/change/commands.h"
#include "master/change/config_applier.h"
#include "master/change/master_parts.h"
#include "master/change/reloader.h"
#include "master/change/stopper.h"
#include "master/change/upgrader.h"

namespace preforkd {

class Master {
 public:
  // `inputs` are read again at each reload. `log`, `program` and `environment` must outlive the master.
  // `words`: the operator's command line. `path`: the executable that an upgrade runs.
  Master(EventLoop& loop, const Scoreboard& scoreboard, LogOutput& log, const Program& program,
         const ServiceEnvironment& environment, ConfigInputs inputs, std::vector<std::string> words,
         std::string path);

  // Binds the listeners, starts the first generation, whose modules have loaded `preloads`, and serves until
  // told to stop. `on_serving` is called once, when the first generation serves. `detached`: another process
  // waits until standard output and error are released.
  ExitCode Run(ServedConfig served, Preloads preloads, std::function<void()> on_serving, bool detached);
  // Used instead of Run after an upgrade: resumes from the saved `state` of the previous program and starts a
  // new generation. `returned`: this is the old program again, because the new one failed for this reason;
  // its workers are kept. If the state cannot be restored, the process execs the other program again.
  // `serving`: the configuration of the running generation. `coming`: the configuration now.
  ExitCode RunRestored(std::shared_ptr<const Config> serving, ServedConfig coming, const UpgradeState& state,
                       const std::optional<std::string>& returned);

 private:
  // Who may come in, and the account of those who have.
  struct Arrivals {
    MasterBounds clients;
    Ledger ledger;
    Admission admission;

    Arrivals(EventLoop& loop, const Scoreboard& scoreboard)
        : clients(scoreboard.Clients()), ledger(scoreboard.Master(), &clients), admission(loop, clients) {}
  };

  MasterParts Parts();
  Listener::Sink ListenerSink();
  Supervisor::Hooks SupervisorHooks();
  ListenerSet::ServiceTraits TraitsOf(const Config& config, const std::string& service);
  [[nodiscard]] Notices::Reading ReadHealth() const;
  Status WatchSignals();
  ExitCode Loop();

  // Error: this program could not pass its state to the next program.
  [[nodiscard]] Status CanBePassedOn() const;
  // Restores `state` and prepares `coming`. Returns the clients that wait for the outcome. On failure it does
  // not return: the process execs the other program again.
  std::vector<WaiterId> TakeOver(const Config& coming, const UpgradeState& state, bool returned);

  // Passes an action of Change to the class that carries it out.
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
  Arrivals arrivals_;
  ChangeRunner changes_;
  PoolDispatchers dispatcher_;
  Parking parking_;
  ListenerSet listeners_;
  Supervisor supervisor_;
  ServiceManager manager_;
  Generations generations_;
  Waiters waiters_;
  ControlSockets control_;  // after waiters_: its clients refer to them
  ConfigApplier applier_;
  Reloader reloader_;
  Upgrader upgrader_;
  Stopper stopper_;
  Commands commands_;
  ExitCode exit_code_ = ExitCode::kStopped;
};

}  // namespace preforkd

#endif
