#include "master/program.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>

#include "common/base/exit_code.h"
#include "common/base/log.h"
#include "common/base/sys_error.h"
#include "common/config/config_loader.h"
#include "common/config/module_codec.h"
#include "common/process/limits.h"
#include "master/about.h"
#include "master/master.h"
#include "master/modules/config_load.h"
#include "master/modules/preload_round.h"
#include "master/modules/try_request.h"
#include "master/options.h"
#include "master/system/daemonize.h"
#include "master/system/early_signals.h"
#include "master/system/leftovers.h"
#include "master/system/service_environment.h"
#include "master/tls/certificate_ends.h"
#include "master/upgrade/own_program.h"
#include "master/upgrade/state/state_codec.h"
#include "master/upgrade/state/state_file.h"
#include "master/upgrade/trial.h"
#include "master/upgrade/upgrade_order.h"
#include "master/upgrade/way_back.h"

namespace preforkd {
namespace {

// For a module that was opened a moment ago, in the trial: a fraction of what the way back allows, and nobody
// is accepted meanwhile.
constexpr Duration kTakeoverModuleTimeout = std::chrono::seconds(3);

int Exit(ExitCode code) { return static_cast<int>(code); }

int Fail(ExitCode code, const Error& error) {
  log::Error({log::kStartFailed, {{"errno", ErrnoName(error.errnum)}, {"why", error.text}}}, "{}",
             error.text);
  return Exit(code);
}

// If the caller closed descriptor 0, 1 or 2, a socket could get that number, and stray output would go to it.
Status FillStandardDescriptors() {
  for (;;) {
    UniqueFd fd(::open("/dev/null", O_RDWR | O_CLOEXEC));
    if (!fd.Valid()) return SysError("open", "/dev/null");
    if (fd.Get() > STDERR_FILENO) return {};
    if (::fcntl(fd.Get(), F_SETFD, 0) < 0) return SysError("fcntl");
    (void)fd.Release();  // stays open as a standard descriptor for the life of the process
  }
}

bool HasModules(const Config& config) {
  return std::any_of(config.services.begin(), config.services.end(),
                     [](const ServiceConfig& service) { return service.module.has_value(); });
}

// The init of a module runs in a worker only, so --check starts one of each pool, with what they preload.
// Returns the latter.
Result<Preloads> CheckWorkers(const ConfigOutcome& outcome, const Program& program) {
  if (!HasModules(*outcome.config)) return Preloads();
  Result<Preloads> preloads = PreloadNow(outcome.config, program, LogFds(), false, outcome.module_places);
  if (!preloads.Ok()) return preloads;
  const Status status = TryWorkers(outcome, preloads.Value(), program.worker);
  return status.Ok() ? std::move(preloads) : status.Err();
}

// The module of --try is listened for at a socket that was passed.
constexpr const char* kTryListener = "try";

int ReportConfig(const LoadedConfig& outcome, bool check, const Program& program) {
  for (const ConfigProblem& problem : outcome.problems) fmt::print(stderr, "{}\n", problem.Text());
  for (const ConfigProblem& warning : outcome.warnings) fmt::print(stderr, "{}\n", warning.Text());
  for (const ConfigProblem& warning : CertificateWarnings(outcome, SecondsSinceEpoch()))
    fmt::print(stderr, "{}\n", warning.Text());
  if (outcome.config == nullptr) return Exit(ExitCode::kConfig);
  if (check) {
    if (const Result<Preloads> works = CheckWorkers(outcome, program); !works.Ok()) {
      fmt::print(stderr, "{}\n", works.Err().text);
      return Exit(ExitCode::kConfig);
    }
    fmt::print("configuration ok\n");
  } else {
    fmt::print("{}", PrintConfig(*outcome.config));
  }
  return Exit(ExitCode::kStopped);
}

// What one run of the master needs.
struct Life {
  ServedConfig served;  // its config may be null: continue with the previous program's
  ConfigInputs inputs;
  std::vector<std::string> words;  // the operator's command line
  std::string path;                // of the executable
  ServiceEnvironment environment;
  std::vector<int> left_open;        // by the parent process
  std::optional<Preloads> preloads;  // nullopt: the modules have not preloaded yet
};

// `live` runs the master to its end and returns its exit code. Error: the master could not be created.
Result<ExitCode> Serve(Life& life, LogOutput& log_output, const Program& program,
                       const std::function<ExitCode(Master&)>& live) {
  RaiseDescriptorLimit();
  Result<EventLoop> loop = EventLoop::Create();
  if (!loop.Ok()) return loop.Err();
  Result<Scoreboard> scoreboard = Scoreboard::Create();
  if (!scoreboard.Ok()) return scoreboard.Err();
  log::SetDropCounter(&scoreboard.Value().Master().log_lines_dropped);
  Master master(loop.Value(), scoreboard.Value(), log_output, program, life.environment,
                std::move(life.inputs), std::move(life.words), std::move(life.path));
  return live(master);
}

int ServeAgain(Life life, const Program& program, std::function<void()> on_serving, bool detached) {
  LogOutput log_output;
  if (const Status status = log_output.Apply(life.served.config->log); !status.Ok()) {
    return Fail(ExitCode::kOsError, status.Err());
  }
  CloseLeftOpen(life.left_open);
  // Here a signal still ends this process, and with it the one that loads.
  Result<Preloads> preloads = life.preloads ? Result<Preloads>(std::move(*life.preloads))
                                            : PreloadNow(life.served.config, program, log_output.Fds(), true);
  if (!preloads.Ok()) return Fail(ExitCode::kUnavailable, preloads.Err());
  const Result<ExitCode> code = Serve(life, log_output, program, [&](Master& master) {
    return master.Run(std::move(life.served), std::move(preloads).Value(), std::move(on_serving), detached);
  });
  return code.Ok() ? Exit(code.Value()) : Fail(ExitCode::kOsError, code.Err());
}

int ServeDaemonized(Life life, const Program& program) {
  const std::shared_ptr<const Config>& config = life.served.config;
  if (config->log.file == "stderr" || config->log.access == "stderr") {
    fmt::print(
        stderr,
        "--daemonize closes standard error: set the log with --log-file, and the access log with --set "
        "log.access=PATH\n");
    return Exit(ExitCode::kUsage);
  }
  return RunDaemonized(config->log.file, [&](ServingCallback on_serving) {
    return ServeAgain(std::move(life), program, std::move(on_serving), true);
  });
}

// ---- --try ----

// One small server that no other process can find. What a person sets wins.
void SetUpToTry(ConfigInputs& inputs) {
  inputs.listen = {fmt::format("systemd:{}", kTryListener)};
  const std::vector<ConfigOverride> flags = {{"--try", "workers", "1"},
                                             {"--try", "workers_max", "1"},
                                             {"--try", "control", ""},
                                             {"--try", "pid_file", ""},
                                             {"--try", "log.level", "warning"}};
  inputs.flags.insert(inputs.flags.begin(), flags.begin(), flags.end());
}

int TryModule(Life life, const TryRequest& request, const Program& program) {
  SetUpToTry(life.inputs);
  LoadedConfig outcome = LoadConfigWithModules(life.inputs, program);
  if (outcome.config == nullptr) return ReportConfig(outcome, false, program);
  Result<Preloads> works = CheckWorkers(outcome, program);
  if (!works.Ok()) {
    fmt::print(stderr, "{}\n", works.Err().text);
    return Exit(ExitCode::kConfig);
  }
  life.preloads = std::move(works).Value();
  Result<TrySockets> sockets = MakeTrySockets();
  if (!sockets.Ok()) {
    fmt::print(stderr, "{}\n", sockets.Err().text);
    return Exit(ExitCode::kOsError);
  }
  life.served = {std::move(outcome.config), std::move(outcome.certificates)};
  life.environment = {};
  life.environment.sockets.push_back({kTryListener, std::move(sockets.Value().listener)});
  return TryOnce(request, std::move(sockets.Value().client), [&] {
    return ServeAgain(
        std::move(life), program, [] {}, false);
  });
}

// ---- upgrade in place ----

Result<UpgradeState> ReadState(int file) {
  const Result<std::string> bytes = ReadStateFile(file);
  if (!bytes.Ok()) return bytes.Err();
  return DecodeState(bytes.Value());
}

// The problems in one line, for the operator of the upgrade.
Error ProblemsOf(const ConfigOutcome& outcome) {
  const std::size_t more = outcome.problems.size() - 1;
  return Error{outcome.problems.front().Text() + (more == 0 ? "" : fmt::format(" (and {} more)", more))};
}

// Runs in a child of the old program (trial.h).
Status Try(const UpgradeOrder& order, const ConfigInputs& inputs, const Program& program) {
  const UniqueFd file(order.state);
  const Result<UpgradeState> state = ReadState(file.Get());
  if (!state.Ok()) return state.Err();
  const ConfigOutcome outcome = LoadConfigWithModules(inputs, program, kTrialTimeout);
  if (outcome.config == nullptr) return ProblemsOf(outcome);
  if (Status status = TryConnections(state.Value()); !status.Ok()) return status;
  if (Status status = TryListeners(*outcome.config, state.Value()); !status.Ok()) return status;
  const Result<Preloads> preloads =
      PreloadNow(outcome.config, program, LogFds(), false, outcome.module_places);
  if (!preloads.Ok()) return preloads.Err();
  return TryWorkers(outcome, preloads.Value(), program.worker);
}

int AnswerTrial(const Status& verdict, const Program& program) {
  if (verdict.Ok()) {
    fmt::print("{}{}\n", kWouldDo, program.version);
    return Exit(ExitCode::kStopped);
  }
  fmt::print(stderr, "refused: {}\n", verdict.Err().text);
  return Exit(ExitCode::kUnavailable);
}

ServiceEnvironment EnvironmentOf(const UpgradeState& state) {
  ServiceEnvironment environment;
  environment.notify_socket = state.notify_socket;
  environment.watchdog = state.watchdog;
  for (const PassedSocket& socket : state.passed)
    environment.sockets.push_back({socket.name, UniqueFd(socket.fd)});
  return environment;
}

// The configuration of the previous program's workers, as far as this program understands it; else null. Its
// modules are not opened again; their files are held by descriptors of this program's own.
std::shared_ptr<const Config> ConfigInService(const UpgradeState& state, const ConfigInputs& inputs) {
  ConfigInputs old;
  old.file = "the configuration in service";
  old.text = state.config;
  old.service_types = inputs.service_types;
  for (const auto& [path, encoded] : state.modules) {
    Result<ModuleDeclaration> module = DecodeModule(encoded);
    const auto file = state.module_files.find(path);
    if (module.Ok() && file != state.module_files.end()) {
      module.Value().file = ModuleFile::Open(fmt::format("/proc/self/fd/{}", file->second));
    }
    old.modules.insert_or_assign(path, std::move(module));
  }
  const ConfigOutcome outcome = LoadConfig(old);
  for (const ConfigProblem& problem : outcome.problems)
    log::Notice(log::kConfigWarning, "{}", problem.Text());
  return outcome.config;
}

// The configuration to serve with. A program that returns after a failed upgrade uses its own. Without a
// valid configuration this function does not return: it takes the way back.
ServedConfig ConfigToServe(const UpgradeOrder& order, const ConfigInputs& inputs, const Program& program,
                           const std::shared_ptr<const Config>& in_service) {
  if (order.Returns() && in_service != nullptr) return {in_service};
  LoadedConfig outcome = LoadConfigWithModules(inputs, program, kTakeoverModuleTimeout);
  if (outcome.config == nullptr) WayBack::Take(ProblemsOf(outcome).text);
  return {std::move(outcome.config), std::move(outcome.certificates)};
}

// The reason for the return to this program, if it has returned.
std::optional<std::string> ReasonOf(const UpgradeOrder& order) {
  return order.Returns() ? std::optional(order.reason) : std::nullopt;
}

// Continues in the process of the previous program, after an exec. Until the first worker is forked, a
// failure takes the way back (execs the previous program); what the server can do without is only logged.
int RunRestored(const UpgradeOrder& order, Life life, const Program& program) {
  const Result<UpgradeState> read = ReadState(order.state);
  if (!read.Ok()) WayBack::Take(read.Err().text);
  const UpgradeState& state = read.Value();
  HoldOpen(state.Descriptors());
  LogOutput log_output;
  log_output.Restore(state.server_log, state.access_log);
  std::shared_ptr<const Config> serving = ConfigInService(state, life.inputs);
  for (const auto& [path, file] : state.module_files) UniqueFd(file).Reset();  // left open until EndHold
  if (serving != nullptr) LogOutput::ApplyFormat(serving->log);
  life.served = ConfigToServe(order, life.inputs, program, serving);
  if (serving == nullptr) serving = life.served.config;
  life.path = state.program;
  NameProcessAfter(life.path);
  life.environment = EnvironmentOf(state);
  if (const Status status = log_output.Apply(life.served.config->log); !status.Ok()) {
    log::Error({log::kLogReopenFailed, {{"why", status.Err().text}}}, "log not changed: {}",
               status.Err().text);
  }
  const Result<ExitCode> code = Serve(life, log_output, program, [&](Master& master) {
    return master.RunRestored(std::move(serving), std::move(life.served), state, ReasonOf(order));
  });
  if (!code.Ok()) WayBack::Take(code.Err().text);
  return Exit(code.Value());
}

}  // namespace

int RunProgram(int argc, char** argv, const Program& program) {
  HoldCommandSignals();
  const CommandWords command = TakeCommandLine(argc, argv);
  const UpgradeOrder& order = command.order;
  if (order.Restores()) WayBack::Open(order, command.words);
  // If SIGCHLD were inherited as ignored, the kernel would discard the workers' exit statuses (waitid(2)).
  (void)::signal(SIGCHLD, SIG_DFL);
  // No timer and no descriptor of this process sends them, and their default action is its end, with all that
  // is parked. A program after an exec inherits that, and WayBack has its own use for SIGALRM.
  if (!order.Restores()) {
    for (const int signo : {SIGALRM, SIGVTALRM, SIGPROF, SIGIO}) (void)::signal(signo, SIG_IGN);
  }
  log::SetIdentity({"master", std::nullopt, std::nullopt, std::nullopt});
  Life life;
  life.path = PathOfOwnProgram();
  life.environment = TakeServiceEnvironment();
  if (order.kind == UpgradeOrder::Kind::kNone) {
    CancelTimers();
    life.left_open = FindLeftOpen(life.environment.sockets.size());
  }
  if (!order.Restores()) {  // else the first program of this process has done it
    if (const Status status = FillStandardDescriptors(); !status.Ok()) {
      return Fail(ExitCode::kOsError, status.Err());
    }
  }
  const std::vector<char*> words = PointersTo(command.words);
  std::variant<Options, EarlyExit> parsed =
      ParseOptions(static_cast<int>(command.words.size()), words.data());
  if (const auto* early = std::get_if<EarlyExit>(&parsed)) {
    if (order.Restores()) WayBack::Take(early->text);
    fmt::print(early->code == ExitCode::kStopped ? stdout : stderr, "{}", early->text);
    return Exit(early->code);
  }
  const Options& options = std::get<Options>(parsed);
  if (options.about) {
    fmt::print("{}", AboutProgram(program));
    return Exit(ExitCode::kStopped);
  }
  life.inputs = options.inputs;
  life.inputs.environment = EnvironmentOverrides(environ);
  life.inputs.service_types = program.service_types;
  life.inputs.default_type = program.default_service;
  life.words = command.words;
  if (order.kind == UpgradeOrder::Kind::kCheck) return AnswerTrial(Try(order, life.inputs, program), program);
  if (order.Restores()) return RunRestored(order, std::move(life), program);
  if (options.request) return TryModule(std::move(life), *options.request, program);
  const bool only_reads = (options.print_config || options.explain) && !options.check;
  LoadedConfig outcome =
      only_reads ? LoadConfigToPrint(life.inputs, program) : LoadConfigWithModules(life.inputs, program);
  if (options.check || options.print_config || outcome.config == nullptr) {
    return ReportConfig(outcome, options.check, program);
  }
  if (options.explain) return Exit(ExplainUrl(*outcome.config, *options.explain, program));
  for (const ConfigProblem& warning : outcome.warnings)
    log::Warning(log::kConfigWarning, "{}", warning.Text());
  // Moved: else it would keep the files of its modules for good.
  life.served = {std::move(outcome.config), std::move(outcome.certificates)};
  if (options.daemonize) return ServeDaemonized(std::move(life), program);
  return ServeAgain(
      std::move(life), program, [] {}, false);
}

}  // namespace preforkd
