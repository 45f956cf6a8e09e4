#include "master/master.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <utility>
#include <vector>

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/sys_error.h"
#include "common/process/limits.h"
#include "master/change/saved_state.h"
#include "master/change/service_health.h"
#include "master/upgrade/replace.h"
#include "master/upgrade/way_back.h"

namespace preforkd {
namespace {

ExitCode ExitCodeOf(const Error& error) {
  return error.errnum == EACCES || error.errnum == EPERM ? ExitCode::kNoPermission : ExitCode::kOsError;
}

MasterState StateOf(Phase phase) {
  switch (phase) {
    case Phase::kStarting: return MasterState::kStarting;
    case Phase::kServing: return MasterState::kServing;
    case Phase::kReloading: return MasterState::kReloading;
    case Phase::kStopping: return MasterState::kStopping;
  }
  return MasterState::kStarting;
}

void UseScheduling(Scheduling scheduling) {
  if (scheduling != Scheduling::kBatch) return;
  if (const Status batch = UseBatchScheduling(); !batch.Ok())
    log::Warning(log::kSystemCallFailed, "{}", batch.Err().text);
}

}  // namespace

// ---- wiring ----

Master::Master(EventLoop& loop, const Scoreboard& scoreboard, LogOutput& log, const Program& program,
               const ServiceEnvironment& environment, ConfigInputs inputs, std::vector<std::string> words,
               std::string path)
    : context_{loop, scoreboard, log, program, environment},
      arrivals_(loop, scoreboard),
      changes_(loop, [this](const ChangeAction& action) { Execute(action); }),
      dispatcher_(loop, scoreboard, arrivals_.ledger,
                  PoolDispatchers::Hooks{[this] { OnCongestion(); },
                                         [this](PoolId pool) { supervisor_.OnAllSlow(pool); }}),
      parking_(loop, arrivals_.ledger, dispatcher_),
      listeners_(
          loop, scoreboard, environment.sockets, ListenerSink(),
          [this](const Config& config, const std::string& service) { return TraitsOf(config, service); },
          [this](ServiceId service, bool tls) {
            return changes_.State().MayAccept() && !dispatcher_.Congested(service, tls);
          }),
      supervisor_(loop, scoreboard, dispatcher_, std::make_unique<ForkSpawner>(program.worker),
                  arrivals_.ledger, SupervisorHooks()),
      manager_(loop, environment, [this] { return ReadHealth(); }),
      generations_(loop, scoreboard),
      control_(
          loop,
          [this](const ControlRequest& request, const ControlAnswer& answer) {
            commands_.OnRequest(request, answer);
          },
          [this](int leader) { return supervisor_.IsWorker(leader); }),
      applier_(Parts()),
      reloader_(Parts(), applier_, std::move(inputs)),
      upgrader_(Parts(), std::move(words), std::move(path)),
      stopper_(Parts()),
      commands_(Parts()) {
  parking_.SetRefused(
      {[this] { return arrivals_.admission.Closing(); }, [this] { return arrivals_.admission.CloseOne(); }});
  arrivals_.clients.OnForgedNotes([this](Slot slot) { supervisor_.OnForgedNotes(slot); });
  MasterPage& page = context_.Page();
  Set(page.pid, static_cast<std::uint64_t>(::getpid()));
  Set(page.started_ns, static_cast<std::uint64_t>(ToNanoseconds(Now())));
  const auto wall_clock =
      std::chrono::duration_cast<Duration>(std::chrono::system_clock::now().time_since_epoch());
  Set(page.started_unix_ns, static_cast<std::uint64_t>(wall_clock.count()));
}

MasterParts Master::Parts() {
  return {context_,    pid_files_, arrivals_.clients, arrivals_.ledger, dispatcher_, parking_, listeners_,
          supervisor_, manager_,   generations_,      control_,         waiters_,    changes_};
}

Listener::Sink Master::ListenerSink() {
  return {[this](PackedParcel&& parcel) { dispatcher_.SubmitAccepted(std::move(parcel)); },
          [this] { dispatcher_.Flush(); },
          {},
          [this](std::size_t wanted) { return parking_.RoomFor(wanted); },
          [this] { return arrivals_.admission.CloseOne() || parking_.EvictOne(); },
          [this](int errnum) { Add(context_.Page().accept_errors[AcceptErrnoOf(errnum)]); },
          [this](UniqueFd& fd, const Arrival& arrival) { return arrivals_.admission.Admit(fd, arrival); },
          [this](ConnId last) { return arrivals_.clients.NumberAfter(last); }};
}

Supervisor::Hooks Master::SupervisorHooks() {
  return {[this](Generation) { OnFirstReady(); },
          [this](Generation) { OnPromote(); },
          [this](Generation generation, const std::string& reason) { OnAbandon(generation, reason); },
          [this](HandedBack message) {
            parking_.Arrive(std::move(message), changes_.State().Current() >= Change::State::kDraining);
          },
          [this] { return parking_.MakeRoom(); },
          [this](ExitCode code, const std::string& reason) { OnFinish(code, reason); },
          [this] {
            JudgeService(Parts());
            changes_.Tell([this](Change& change) { change.OnFleet(supervisor_.Workers().MayReload()); });
          },
          [this](pid_t pid) { return upgrader_.OnChildExit(pid) || reloader_.OnChildExit(pid); },
          [this] { reloader_.OnRelieved(); }};
}

ListenerSet::ServiceTraits Master::TraitsOf(const Config& config, const std::string& service) {
  const ServiceConfig* found = config.FindService(service);
  PF_CHECK(found != nullptr, "a checked configuration has a listener without a service");
  return {generations_.ServiceOf(service), found->client_speaks_first, found->SpeaksHttp()};
}

Notices::Reading Master::ReadHealth() const {
  std::uint32_t desired = 0;
  for (const PoolSpec& pool : generations_.Serving().pools) desired += supervisor_.Workers().Desired(pool.id);
  return {desired, supervisor_.Counts().Beating(Now()), context_.scoreboard.Account().in_progress};
}

// ---- run ----

ExitCode Master::Run(ServedConfig served, Preloads preloads, std::function<void()> on_serving,
                     bool detached) {
  const std::shared_ptr<const Config>& config = served.config;
  on_serving_ = std::move(on_serving);
  supervisor_.SetDetached(detached);
  Result<PidFile> pid_file = PidFile::Lock(config->pid_file);
  Status status = pid_file.Ok() ? WatchSignals() : Status(pid_file.Err());
  if (status.Ok()) status = generations_.HasNumbersFor(*config);
  if (status.Ok()) status = listeners_.Prepare(*config);
  if (status.Ok()) status = control_.Prepare(*config);
  if (!status.Ok()) {
    log::Error({log::kStartFailed, {{"errno", ErrnoName(status.Err().errnum)}, {"why", status.Err().text}}},
               "{}", status.Err().text);
    return ExitCodeOf(status.Err());
  }
  pid_files_ = PidFiles(std::move(pid_file).Value());
  UseScheduling(config->scheduling);
  supervisor_.ReapChildren();  // children that exited before SIGCHLD was handled
  // Nothing else may keep the files of the certificates and of the modules open: they belong to the
  // generation.
  generations_.Begin(std::move(served), std::move(preloads));
  applier_.Apply(generations_.Serving());
  control_.Commit(*generations_.Serving().config);
  supervisor_.Begin(generations_.Serving());
  return Loop();
}

ExitCode Master::RunRestored(std::shared_ptr<const Config> serving, ServedConfig coming,
                             const UpgradeState& state, const std::optional<std::string>& returned) {
  on_serving_ = [] {};
  generations_.Restore(state, std::move(serving));
  const std::vector<WaiterId> waiters = TakeOver(*coming.config, state, returned.has_value());
  UseScheduling(coming.config->scheduling);
  log::Notice({log::kUpgradeResumed,
               {{"version", context_.program.version},
                {"from_version", state.version},
                {"workers", state.workers_alive.size()},
                {"connections", state.connections.size()}}},
              "upgrade: version {} has taken over from version {} with {} workers and {} connections",
              context_.program.version, state.version, state.workers_alive.size(), state.connections.size());
  applier_.ApplyToProcess(*generations_.Serving().config);
  manager_.Restore();
  supervisor_.GoOn();
  if (returned) {
    upgrader_.SetReturnReason(*returned);
    changes_.Tell([&](Change& change) { change.BeginReturned(waiters); });
    for (const PoolSpec& pool : generations_.Serving().pools)
      supervisor_.Scale(pool.id, pool.workers);  // some workers exited meanwhile
  } else {
    generations_.Prepare(std::move(coming.config), std::move(coming.certificates));
    reloader_.SetPredecessor(state.version);
    const GenerationSpec& next = generations_.Coming();
    log::Notice({log::kReloadStarted, {{"generation", next.number}, {"workers", next.Workers()}}},
                "upgrade: starting {} workers of generation {}", next.Workers(), Raw(next.number));
    changes_.Tell([&](Change& change) { change.BeginReplaced(waiters); });
  }
  UpdateAccepting();
  return Loop();
}

std::vector<WaiterId> Master::TakeOver(const Config& coming, const UpgradeState& state, bool returned) {
  Status status = CanBePassedOn();
  if (status.Ok()) status = WatchSignals();
  Result<std::vector<WaiterId>> waiters = std::vector<WaiterId>();
  if (status.Ok()) waiters = RestoreState(Parts(), applier_, state);
  if (!waiters.Ok()) status = waiters.Err();
  if (status.Ok() && !returned) status = generations_.HasNumbersFor(coming);
  if (status.Ok() && !returned) status = listeners_.Prepare(coming);
  if (status.Ok() && !returned) status = control_.Prepare(coming);
  if (status.Ok() && !returned) status = pid_files_.Prepare(coming);
  if (!status.Ok()) {
    // Remove the files that only this program has created.
    listeners_.Abandon();
    control_.Abandon();
    pid_files_.Abandon();
    WayBack::Take(status.Err().text);
  }
  WayBack::Close();
  if (const Status closed = SetCloseOnExec(state.Descriptors(), true); !closed.Ok()) {
    log::Error(log::kDescriptorKept, "a file descriptor stays open across exec: {}", closed.Err().text);
  }
  EndHold();
  return std::move(waiters).Value();
}

// Without a descriptor, the scoreboard could not be passed to the next program and every upgrade would fail.
Status Master::CanBePassedOn() const {
  if (context_.scoreboard.Fd() >= 0 || !WayBack::MayBeChoosy()) return {};
  return Error{"no memory for a scoreboard that can be passed to the next program"};
}

ExitCode Master::Loop() {
  // The failure may be temporary, and a master that exits for it would cut off every client.
  constexpr int kFailuresInARow = 100;
  constexpr Duration kInARow = std::chrono::seconds(1);
  int failures = 0;
  // It may have ended before: a loop that is stopped before it runs would run all the same.
  const bool ended = changes_.State().Current() == Change::State::kFinished;
  for (Time last{}; !ended;) {
    const Status status = context_.loop.Run();
    if (status.Ok()) break;
    failures = Now() - last < kInARow ? failures + 1 : 1;
    last = Now();
    if (failures > kFailuresInARow) {
      log::Alert(log::kLoopFailed, "the event loop failed: {}", status.Err().text);
      return ExitCode::kSoftware;
    }
    log::Error(log::kLoopFailed, "the event loop failed, continuing: {}", status.Err().text);
  }
  log::Notice(
      {log::kStopped, {{"accepted", Get(context_.Page().accepted)}, {"lost", Get(context_.Page().lost)}}},
      "stopped; accepted {}, lost {}", Get(context_.Page().accepted), Get(context_.Page().lost));
  return exit_code_;
}

Status Master::WatchSignals() {
  // A write to a closed connection is an error handled where it happens; it must not end the server.
  if (::signal(SIGPIPE, SIG_IGN) == SIG_ERR) return Error{"signal(SIGPIPE)", errno};
  // The same holds for a log file that has reached RLIMIT_FSIZE.
  if (::signal(SIGXFSZ, SIG_IGN) == SIG_ERR) return Error{"signal(SIGXFSZ)", errno};
  Result<std::unique_ptr<SignalWatch>> watch = SignalWatch::Create(
      context_.loop, {SIGHUP, SIGUSR1, SIGUSR2, SIGTERM, SIGQUIT, SIGINT, SIGTTIN, SIGTTOU, SIGCHLD},
      [this](int signo, int sender) {
        if (signo == SIGCHLD) return supervisor_.ReapChildren();
        log::Notice({log::kSignal, {{"signal", ::sigabbrev_np(signo)}, {"sender", sender}}},
                    "SIG{} from pid {}", ::sigabbrev_np(signo), sender);
        commands_.OnSignal(signo);
      });
  if (!watch.Ok()) return watch.Err();
  signals_ = std::move(watch).Value();
  return {};
}

// ---- actions of Change ----

void Master::Execute(const ChangeAction& action) {
  std::visit(
      [this](const auto& concrete) {
        if constexpr (requires { reloader_.Do(concrete); }) {
          reloader_.Do(concrete);
        } else if constexpr (requires { upgrader_.Do(concrete); }) {
          upgrader_.Do(concrete);
        } else if constexpr (requires { stopper_.Do(concrete); }) {
          stopper_.Do(concrete);
        } else if constexpr (requires { commands_.Do(concrete); }) {
          commands_.Do(concrete);
        } else {
          Do(concrete);
        }
      },
      action);
}

void Master::Do(const Publish& action) {
  MasterState state = StateOf(action.phase);
  // Change does not know whether every pool can serve; CanServe does.
  if (state == MasterState::kServing && !CanServe(Parts())) state = MasterState::kDegraded;
  context_.Page().state.store(state, std::memory_order_relaxed);
  supervisor_.PublishState(state);
}

// ---- worker events ----

void Master::OnFirstReady() {
  changes_.Tell([](Change& change) { change.OnFirstReady(); });
  if (const Status status = pid_files_.Held().Write(); !status.Ok())
    log::Error(log::kSystemCallFailed, "{}", status.Err().text);
  log::Notice({log::kServing,
               {{"generation", generations_.Serving().number},
                {"workers", generations_.Serving().Workers()},
                {"pools", generations_.Serving().pools.size()}}},
              "{}", generations_.ServingText());
  manager_.Serving(generations_.ServingText());
  on_serving_();
  UpdateAccepting();
}

void Master::OnPromote() {
  generations_.Promote();
  changes_.Tell([](Change& change) { change.OnPromoted(); });
  // A server that drains applies nothing else of the new configuration. But its workers from before leave,
  // and clients that wait for a pool without successors would be lost.
  if (changes_.State().Current() >= Change::State::kDraining) applier_.ApplyRoutes(generations_.Serving());
}

void Master::OnAbandon(Generation generation, const std::string& reason) {
  reloader_.Abandon(generation, reason);
}

void Master::OnFinish(ExitCode code, const std::string& reason) {
  changes_.Tell([](Change& change) { change.OnFinished(); });
  // Connections that no worker can serve any more are lost, and counted.
  dispatcher_.GiveUpWaiting(LossReason::kStopped);
  if (!reason.empty()) log::Error({log::kGaveUp, {{"why", reason}}}, "giving up: {}", reason);
  exit_code_ = code;
  context_.loop.Stop();
}

// ---- accepting ----

void Master::OnCongestion() {
  UpdateAccepting();
  if (!dispatcher_.Congested()) changes_.Tell([](Change& change) { change.OnDrained(); });
}

void Master::UpdateAccepting() { listeners_.UpdateAccepting(); }

}  // namespace preforkd
