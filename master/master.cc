#include "master/master.h"

#include <fmt/format.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "common/base/log.h"
#include "common/base/sys_error.h"
#include "common/process/authority.h"
#include "common/process/identity_plan.h"
#include "common/process/limits.h"

namespace preforkd {
namespace {

ExitCode ExitCodeOf(const Error& error) {
  return error.errnum == EACCES || error.errnum == EPERM ? ExitCode::kNoPermission : ExitCode::kOsError;
}

}  // namespace

Master::Master(EventLoop& loop, const Scoreboard& scoreboard, LogOutput& log, const Program& program,
               const ServiceEnvironment& environment, ConfigInputs inputs, std::vector<std::string> words,
               std::string path)
    : loop_(loop),
      scoreboard_(scoreboard),
      page_(scoreboard.Master()),
      log_(log),
      program_(program),
      inputs_(std::move(inputs)),
      words_(std::move(words)),
      path_(std::move(path)),
      environment_(environment),
      ledger_(page_),
      dispatcher_(loop, page_, ledger_,
                  Dispatcher::Hooks{[this](bool congested) { OnCongestion(congested); },
                                    [this] { supervisor_.OnAllHeldUp(); }}),
      parking_(loop, ledger_, dispatcher_),
      listeners_(
          loop, page_, environment.sockets,
          Listener::Sink{[this](PackedParcel&& parcel) { dispatcher_.SubmitAccepted(std::move(parcel)); },
                         [this] { dispatcher_.Flush(); }, [this] { return last_conn_ = Next(last_conn_); },
                         [this](std::size_t wanted) { return parking_.RoomFor(wanted); },
                         [this] { return parking_.EvictOne(); },
                         [this](int errnum) { Add(page_.accept_errors[AcceptErrnoOf(errnum)]); }},
          [this](const Config& config, const std::string& service) { return TraitsOf(config, service); }),
      supervisor_(loop, scoreboard, dispatcher_, program.worker, ledger_,
                  Supervisor::Hooks{[this](Generation generation) { OnFirstReady(generation); },
                                    [this](Generation generation) { OnPromote(generation); },
                                    [this](Generation generation, const std::string& reason) {
                                      OnAbandon(generation, reason);
                                    },
                                    [this](HandedBack message) { parking_.Arrive(std::move(message)); },
                                    [this] { return parking_.MakeRoom(); },
                                    [this](ExitCode code, const std::string& reason) { OnFinish(code, reason); },
                                    [this] { OnSettled(); },
                                    [this](pid_t pid) { return preflight_ != nullptr && preflight_->OnChildExit(pid); }}),
      manager_(loop, environment, [this] { return ReadHealth(); }),
      stop_delay_(loop, EventLoop::kPriorityControl, [this] { Drain(); }),
      stop_deadline_(loop, EventLoop::kPriorityControl, [this] { FinishStop(); }) {
  Set(page_.pid, static_cast<std::uint64_t>(::getpid()));
  Set(page_.started_ns, static_cast<std::uint64_t>(ToNanoseconds(Now())));
  const auto wall_clock = std::chrono::duration_cast<Duration>(std::chrono::system_clock::now().time_since_epoch());
  Set(page_.started_unix_ns, static_cast<std::uint64_t>(wall_clock.count()));
}

ExitCode Master::Run(std::shared_ptr<const Config> config, std::function<void()> on_serving, bool detached) {
  on_serving_ = std::move(on_serving);
  supervisor_.SetDetached(detached);
  Result<PidFile> pid_file = PidFile::Lock(config->pid_file);
  Status status = pid_file.Ok() ? WatchSignals() : Status(pid_file.Err());
  if (status.Ok()) status = listeners_.Prepare(*config);
  if (status.Ok()) status = PrepareControl(*config);
  if (!status.Ok()) {
    log::Error("{}", status.Err().text);
    return ExitCodeOf(status.Err());
  }
  pid_file_ = std::move(pid_file).Value();
  if (config->scheduling == Scheduling::kBatch) {
    if (const Status batch = UseBatchScheduling(); !batch.Ok()) log::Warning("{}", batch.Err().text);
  }
  supervisor_.ReapChildren();  // whose end came before anybody was told of it
  serving_ = MakeGeneration(std::move(config));
  PutInService(serving_);
  CommitControl(*serving_.config);
  supervisor_.Begin(serving_);
  return Loop();
}

ExitCode Master::Loop() {
  // What the system refuses once it may grant a moment later: a master that ended for it would cut everybody off.
  constexpr int kFailuresInARow = 100;
  constexpr Duration kInARow = std::chrono::seconds(1);
  int failures = 0;
  for (Time last{}; ;) {
    const Status status = loop_.Run();
    if (status.Ok()) break;
    failures = Now() - last < kInARow ? failures + 1 : 1;
    last = Now();
    if (failures > kFailuresInARow) {
      log::Alert("the event loop broke: {}", status.Err().text);
      return ExitCode::kSoftware;
    }
    log::Error("the event loop failed and goes on: {}", status.Err().text);
  }
  log::Notice("stopped; accepted {}, lost {}", Get(page_.accepted), Get(page_.lost));
  return exit_code_;
}

// ---- signals ----

Status Master::WatchSignals() {
  // A write to a peer that has gone is an error to be handled where it happens, not the end of the server.
  if (::signal(SIGPIPE, SIG_IGN) == SIG_ERR) return Error{"signal(SIGPIPE)", errno};
  // Likewise a log that has reached RLIMIT_FSIZE.
  if (::signal(SIGXFSZ, SIG_IGN) == SIG_ERR) return Error{"signal(SIGXFSZ)", errno};
  Result<std::unique_ptr<SignalWatch>> watch =
      SignalWatch::Create(loop_, {SIGHUP, SIGUSR1, SIGUSR2, SIGTERM, SIGQUIT, SIGINT, SIGTTIN, SIGTTOU, SIGCHLD},
                          [this](int signo, int sender) { OnSignal(signo, sender); });
  if (!watch.Ok()) return watch.Err();
  signals_ = std::move(watch).Value();
  return {};
}

void Master::OnSignal(int signo, int sender) {
  if (signo == SIGCHLD) return supervisor_.ReapChildren();
  log::Notice("SIG{} from pid {}", ::sigabbrev_np(signo), sender);
  switch (signo) {
    case SIGHUP:
      return Reload([](const ControlReply&) {});  // the log says it
    case SIGUSR1:
      return ReopenLogs([](const Status&) {});  // the log has said it
    case SIGUSR2:
      return Upgrade([](const ControlReply&) {});
    case SIGTERM:
    case SIGQUIT:
      return stopping_ ? StopNow() : StopGracefully();
    case SIGINT:
      return StopNow();
    case SIGTTIN:
      return Scale(std::min(supervisor_.Desired() + 1, kMaxWorkers));
    case SIGTTOU:
      return Scale(std::max(supervisor_.Desired(), 2U) - 1);
    default:
      return;
  }
}

void Master::ReopenLogs(LogReopening::Done done) {
  if (const Status status = log_.Reopen(); !status.Ok()) {
    log::Error("the log stays where it is: {}", status.Err().text);
    return done(status);
  }
  supervisor_.ReopenLogs(log_.Fds(), [done = std::move(done)](const Status& status) {
    if (status.Ok()) {
      log::Notice("log reopened by all processes");
    } else {
      log::Warning("log reopened, but {}", status.Err().text);
    }
    done(status);
  });
}

void Master::Scale(std::uint32_t workers) {
  log::Notice("{} workers are wanted from now on", workers);
  supervisor_.Scale(workers);
}

// ---- reload ----

void Master::Reload(ControlAnswer done) {
  if (stopping_) return done(Refusal("the server is stopping"));
  // A storm of HUPs is one reload more, not one each; and never do three generations live at once. The wait is
  // bounded: the generation that leaves has its drain_timeout.
  if (!MayChange()) {
    if (!std::exchange(reload_again_, true)) {
      log::Notice("reload waits: {}", preflight_ != nullptr || replacing_ ? "an upgrade is under way"
                                      : supervisor_.Changing()            ? "another one is under way"
                                                               : "workers of an earlier generation still finish");
    }
    next_reload_waiters_.push_back(std::move(done));
    return;
  }
  if (const std::optional<ControlReply> refusal = BeginReload()) return done(*refusal);
  reload_waiters_.push_back(std::move(done));
}

std::optional<ControlReply> Master::BeginReload() {
  manager_.Reloading(fmt::format("reloading: generation {} serves", Raw(serving_.number)));
  const ConfigOutcome outcome = LoadConfig(inputs_);
  if (outcome.config == nullptr) {
    for (const ConfigProblem& problem : outcome.problems) log::Error("{}", problem.Text());
    ControlReply refusal = RefuseReload(fmt::format("the configuration has {} problem{}", outcome.problems.size(),
                                                    outcome.problems.size() == 1 ? "" : "s"));
    for (const ConfigProblem& problem : outcome.problems) refusal.problems.push_back(problem.Text());
    return refusal;
  }
  Status status = listeners_.Prepare(*outcome.config);
  if (status.Ok()) status = PrepareControl(*outcome.config);
  if (!status.Ok()) {
    listeners_.Abandon();
    return RefuseReload(status.Err().text);
  }
  coming_ = MakeGeneration(outcome.config);
  log::Notice("reload: generation {} is starting with {} workers", Raw(coming_.number), coming_.workers);
  SetState(MasterState::kReloading);
  supervisor_.Reload(coming_);
  return std::nullopt;
}

ControlReply Master::RefuseReload(const std::string& why) {
  page_.CountReload(ReloadResult::kRefused);
  const std::string what = fmt::format("reload refused: {}; generation {} serves on", why, Raw(serving_.number));
  log::Error("{}", what);
  manager_.ReloadEnded(fmt::format("reload refused: {}; {}", why, ServingText()));
  return Refusal(what);
}

void Master::OnPromote(Generation generation) {
  serving_ = std::move(coming_);
  coming_ = {};
  if (closed_) return;  // its workers serve what still waits
  PutInService(serving_);
  if (!stopping_) SetState(MasterState::kServing);  // else in stop_delay: not ready it stays
  std::string what = fmt::format("generation {} serves", Raw(generation));
  if (replaced_) {
    Add(page_.upgrades[UpgradeResult::kServes]);
    what += fmt::format(", version {} in place of {}", program_.version, *std::exchange(replaced_, std::nullopt));
  } else {
    page_.CountReload(ReloadResult::kServes);
  }
  log::Notice("{}", what);
  manager_.ReloadEnded(ServingText());
  AnswerReload({true, what, {}, {}});
  CommitControl(*serving_.config);  // now that those who asked on the old socket know
}

void Master::OnAbandon(Generation generation, const std::string& reason) {
  coming_ = {};
  listeners_.Abandon();
  coming_control_.reset();
  if (stopping_) return;
  std::string what = fmt::format("generation {} abandoned: {}", Raw(generation), reason);
  if (replaced_) {
    Add(page_.upgrades[UpgradeResult::kAbandoned]);
    what += fmt::format("; the master is of version {} by now, the workers are still of version {}", program_.version,
                        *std::exchange(replaced_, std::nullopt));
  } else {
    page_.CountReload(ReloadResult::kAbandoned);
  }
  SetState(MasterState::kServing);
  log::Error("{}; generation {} serves on", what, Raw(serving_.number));
  manager_.ReloadEnded(fmt::format("reload refused: {}; {}", what, ServingText()));
  AnswerReload(Refusal(fmt::format("{}; generation {} serves on", what, Raw(serving_.number))));
}

void Master::OnSettled() {
  if (replacing_) return Replace();
  if (stopping_ || !MayChange()) return;
  // An upgrade reads the configuration too: it is the reload that was asked for.
  const bool upgrade = std::exchange(upgrade_again_, false);
  if (!std::exchange(reload_again_, false) && !upgrade) return;
  reload_waiters_ = std::exchange(next_reload_waiters_, {});
  if (const std::optional<ControlReply> refusal = upgrade ? BeginUpgrade() : BeginReload()) AnswerReload(*refusal);
}

void Master::SetState(MasterState state) {
  page_.state.store(state, std::memory_order_relaxed);
  supervisor_.PublishState(state);
}

GenerationSpec Master::MakeGeneration(std::shared_ptr<const Config> config) {
  GenerationSpec generation;
  last_generation_ = Next(last_generation_);
  generation.number = last_generation_;
  generation.workers = config->workers != 0 ? config->workers : UsableCpus();
  for (const ServiceConfig& service : config->services) {
    const auto [entry, fresh] =
        service_ids_.try_emplace(service.name, static_cast<ServiceId>(service_ids_.size()));
    generation.services.emplace_back(entry->second, &service);
  }
  generation.config = std::move(config);
  return generation;
}

void Master::PutInService(const GenerationSpec& generation) {
  const Config& config = *generation.config;
  const LogFds before = log_.Fds();
  if (const Status status = log_.Apply(config.log); !status.Ok()) {
    log::Error("the log stays where it is: {}", status.Err().text);
  }
  const LogFds logs = log_.Fds();
  if (logs != before) supervisor_.ReopenLogs(logs, [](const Status&) {});  // this generation's have the old
  Lead(generation);
  parking_.Configure(config.parking, generation.services);
  listeners_.Commit(config);
  KeepMemoryToItself(config.worker.dumpable);
  SayWhatIsMissing(config);
}

void Master::Lead(const GenerationSpec& generation) {
  log::SetIdentity({"master", std::nullopt, std::nullopt, generation.number});
  supervisor_.SetLogs(log_.Fds());
  Set(page_.generation, Raw(generation.number));
  dispatcher_.Configure(generation.config->dispatch, UsableCpus());
}

// Workers of the same user could read this memory in /proc, and trace it. Root's is out of their reach.
void Master::KeepMemoryToItself(bool dumpable) {
  if (::geteuid() == 0 || ::prctl(PR_SET_DUMPABLE, dumpable ? 1 : 0) == 0) return;
  log::Warning("{}", SysError("prctl", "PR_SET_DUMPABLE").text);
}

void Master::SayWhatIsMissing(const Config& config) {
  const IdentityPlan plan = PlanIdentity(config, OwnAuthority());
  if (std::exchange(identity_remark_, plan.remark) != plan.remark && !plan.remark.empty()) log::Notice("{}", plan.remark);
  const std::string filter = FilterRemark(config, CallFiltersExist());
  if (std::exchange(filter_remark_, filter) != filter && !filter.empty()) log::Warning("{}", filter);
}

ListenerSet::ServiceTraits Master::TraitsOf(const Config& config, const std::string& service) {
  const ServiceConfig* found = config.FindService(service);
  PF_CHECK(found != nullptr, "a listener without a service passed the check");
  const auto type = program_.service_types.find(found->type);
  PF_CHECK(type != program_.service_types.end(), "a service of an unknown type passed the check");
  return {service_ids_.try_emplace(service, static_cast<ServiceId>(service_ids_.size())).first->second,
          type->second};
}

// ---- serving ----

std::string Master::ServingText() const {
  return fmt::format("serving: generation {}, {} workers", Raw(serving_.number), serving_.workers);
}

Notices::Reading Master::ReadHealth() const {
  return {supervisor_.Desired(), supervisor_.Beating(Now()), scoreboard_.Account().in_progress};
}

void Master::OnFirstReady(Generation) {
  can_serve_ = true;
  if (!stopping_) SetState(MasterState::kServing);
  if (const Status status = pid_file_.Write(); !status.Ok()) log::Error("{}", status.Err().text);
  log::Notice("{}", ServingText());
  if (!stopping_) manager_.Serving(ServingText());
  on_serving_();
  UpdateAccepting();
}

void Master::OnFinish(ExitCode code, const std::string& reason) {
  dispatcher_.StopDispatching();  // what nobody was left to serve is lost, and counted
  if (!reason.empty()) log::Error("giving up: {}", reason);
  exit_code_ = code;
  loop_.Stop();
}

void Master::OnCongestion(bool congested) {
  UpdateAccepting();
  if (!congested && closed_ && !supervisor_.Stopping()) FinishStop();
}

void Master::UpdateAccepting() {
  listeners_.SetAccepting(can_serve_ && !closed_ && !dispatcher_.Congested());
}

}  // namespace preforkd
