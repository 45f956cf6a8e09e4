// Master: composes listeners, dispatcher and supervisor, and turns signals into what they do.
//
// It reads no client byte, ever: it accepts, holds, passes and closes.
#ifndef PREFORKD_MASTER_MASTER_H_
#define PREFORKD_MASTER_MASTER_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/config/config_loader.h"
#include "common/event/event_loop.h"
#include "common/event/signal_watch.h"
#include "common/event/timer.h"
#include "common/scoreboard/scoreboard.h"
#include "master/control/control_socket.h"
#include "master/dispatcher.h"
#include "master/generation.h"
#include "master/listener_set.h"
#include "master/log_output.h"
#include "master/parking.h"
#include "master/pid_file.h"
#include "master/program.h"
#include "master/service_environment.h"
#include "master/service_manager.h"
#include "master/supervisor.h"
#include "master/upgrade/preflight.h"
#include "master/upgrade/upgrade_state.h"

namespace preforkd {

class Master {
 public:
  // What TTIN and `scale` go up to.
  static constexpr std::uint32_t kMaxWorkers = 256;

  // `inputs` are read again at each reload. `log`, `program` and `environment` outlive the master.
  // `words` are the operator's command line, `path` the file that an upgrade runs.
  Master(EventLoop& loop, const Scoreboard& scoreboard, LogOutput& log, const Program& program,
         const ServiceEnvironment& environment, ConfigInputs inputs, std::vector<std::string> words, std::string path);

  // Binds, starts the first generation, and serves until told to stop.
  // `on_serving` is called once, when the first worker is ready.
  // `detached`: standard output and error belong to somebody who waits for us to let go of them.
  ExitCode Run(std::shared_ptr<const Config> config, std::function<void()> on_serving, bool detached);
  // Instead: goes on where the program before this one left off, and starts a generation of its own (master_upgrade.cc).
  // `returned`: this is that very program again, because its successor could not, for the reason given; the workers are
  // its own, and stay. What cannot be taken over is not: then the process is the other program again.
  // `serving` is what its generation was made from, `coming` what is configured now.
  ExitCode Continue(std::shared_ptr<const Config> serving, std::shared_ptr<const Config> coming,
                    const UpgradeState& state, const std::optional<std::string>& returned);

 private:
  Status WatchSignals();
  void OnSignal(int signo, int sender);
  // Opens the log files anew, after they have been moved away. `done` is called once, from the loop or from inside:
  // all processes write to the new files, or why not (in time).
  void ReopenLogs(LogReopening::Done done);
  // `done` is called once, when the new generation serves, or with why it will not.
  void Reload(ControlAnswer done);
  // Begins a reload; the refusal, if it is refused.
  std::optional<ControlReply> BeginReload();
  // Says why, everywhere where somebody waits for the end of the reload.
  ControlReply RefuseReload(const std::string& why);
  void Scale(std::uint32_t workers);
  // What every stop begins with: no change is under way any more, and everybody is told.
  void BeginStop();
  void StopGracefully();
  void CloseListeners();
  void Drain();
  void FinishStop();
  void StopNow();

  // ---- upgrade in place (master_upgrade.cc) ----
  // `done` is called once: with why not, or by the successor.
  void Upgrade(ControlAnswer done);
  std::optional<ControlReply> BeginUpgrade();
  void OnPreflight(const Result<std::string>& verdict);
  // Becomes the new program, now or as soon as that can be. Returns if not.
  void Replace();
  ControlReply RefuseUpgrade(const std::string& why);
  // The same for one that had begun: who waits is told, and what had to wait for it is done.
  void GiveUpUpgrade(const std::string& why);
  [[nodiscard]] Result<UpgradeState> Describe();
  void DescribeConnections(UpgradeState& state) const;
  [[nodiscard]] Status CanBePassedOn() const;
  Status Inherit(const UpgradeState& state);
  Status InheritControl(const InheritedControl& control);
  Status InheritConnections(const UpgradeState& state);
  void RestoreTotals(const UpgradeState& state);
  void StayReturned(const std::string& reason);
  // No reload and no upgrade is under way, and none of its workers is left over from one.
  [[nodiscard]] bool MayChange() const { return supervisor_.MayReload() && preflight_ == nullptr && !replacing_; }
  ExitCode Loop();

  void OnFirstReady(Generation generation);
  void OnPromote(Generation generation);
  void OnAbandon(Generation generation, const std::string& reason);
  void OnFinish(ExitCode code, const std::string& reason);
  // Does the reload that had to wait.
  void OnSettled();
  void OnCongestion(bool congested);
  void UpdateAccepting();

  // ---- the control socket (master_control.cc) ----
  // The socket that `config` wants where it is not the one that is open: made, and not yet in service. Where the
  // default path cannot be had, as without root, the server goes on without.
  Status PrepareControl(const Config& config);
  void CommitControl(const Config& config);
  void RefuseWorkersAt(ControlSocket& control);
  void OnControl(const ControlRequest& request, const ControlAnswer& answer);
  void ControlReload(bool wait, const ControlAnswer& answer);
  void ControlUpgrade(bool wait, const ControlAnswer& answer);
  ControlReply ControlScale(std::uint32_t workers);
  ControlReply ControlRetire(Slot slot);
  // Everybody who waits for a reload is told.
  void AnswerReload(const ControlReply& reply);

  static void KeepMemoryToItself(bool dumpable);
  // What workers are not kept from, though they should be: once, and again when it changes.
  void SayWhatIsMissing(const Config& config);
  [[nodiscard]] std::string ServingText() const;
  [[nodiscard]] Notices::Reading ReadHealth() const;
  GenerationSpec MakeGeneration(std::shared_ptr<const Config> config);
  // What applies to the master itself when a configuration comes into service.
  void PutInService(const GenerationSpec& generation);
  // The part of that which holds for a generation of another program, too.
  void Lead(const GenerationSpec& generation);
  ListenerSet::ServiceTraits TraitsOf(const Config& config, const std::string& service);
  void SetState(MasterState state);

  EventLoop& loop_;
  const Scoreboard& scoreboard_;
  MasterPage& page_;
  LogOutput& log_;
  const Program& program_;
  ConfigInputs inputs_;
  std::vector<std::string> words_;
  std::string path_;
  const ServiceEnvironment& environment_;
  std::function<void()> on_serving_;
  std::unique_ptr<SignalWatch> signals_;
  PidFile pid_file_;
  Ledger ledger_;
  Dispatcher dispatcher_;
  Parking parking_;
  ListenerSet listeners_;
  Supervisor supervisor_;
  ServiceManager manager_;
  Time stop_by_{};       // what is not finished by then is cut off
  Timer stop_delay_;     // told to stop, and still taking what comes
  Timer stop_deadline_;  // of connections that still wait in the master when it stops

  std::map<std::string, ServiceId> service_ids_;  // grows; a name keeps its number
  GenerationSpec serving_;
  GenerationSpec coming_;  // while the supervisor is changing
  Generation last_generation_{};
  ConnId last_conn_{};
  bool can_serve_ = false;    // somebody has been ready
  bool reload_again_ = false;  // asked for while it had to wait
  std::string identity_remark_;  // as it was said
  std::string filter_remark_;
  std::vector<ControlAnswer> reload_waiters_;       // for the reload under way
  std::vector<ControlAnswer> next_reload_waiters_;  // for the one that has to wait
  std::unique_ptr<ControlSocket> control_;          // behind the waiters: its clients are theirs
  std::unique_ptr<ControlSocket> coming_control_;
  std::unique_ptr<Preflight> preflight_;  // while the new program is being looked at
  bool replacing_ = false;                // it is content; only for a moment that cannot be described yet
  std::string coming_version_;
  Time replace_by_{};                     // while it waits for one
  bool upgrade_again_ = false;            // asked for while it had to wait
  std::optional<std::string> replaced_;   // the version before this one, while its workers still serve
  bool stopping_ = false;                 // told to
  bool closed_ = false;                   // there is nothing to listen on any more
  ExitCode exit_code_ = ExitCode::kStopped;
};

}  // namespace preforkd

#endif
