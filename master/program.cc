#include "master/program.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "common/base/exit_code.h"
#include "common/base/log.h"
#include "common/base/sys_error.h"
#include "common/config/config_loader.h"
#include "common/process/limits.h"
#include "master/daemonize.h"
#include "master/master.h"
#include "master/options.h"
#include "master/service_environment.h"

namespace preforkd {
namespace {

int Exit(ExitCode code) {
  return static_cast<int>(code);
}

int Fail(ExitCode code, const Error& error) {
  log::Error("{}", error.text);
  return Exit(code);
}

// A descriptor 0, 1 or 2 that the caller left closed would become a socket, and a stray message its content.
Status FillStandardDescriptors() {
  for (;;) {
    UniqueFd fd(::open("/dev/null", O_RDWR | O_CLOEXEC));
    if (!fd.Valid()) return SysError("open", "/dev/null");
    if (fd.Get() > STDERR_FILENO) return {};
    if (::fcntl(fd.Get(), F_SETFD, 0) < 0) return SysError("fcntl");
    (void)fd.Release();  // stays open as standard input, output or error for the life of the process
  }
}

int ReportConfig(const ConfigOutcome& outcome, bool check) {
  for (const ConfigProblem& problem : outcome.problems) fmt::print(stderr, "{}\n", problem.Text());
  if (outcome.config == nullptr) return Exit(ExitCode::kConfig);
  if (check) {
    fmt::print("configuration ok\n");
  } else {
    fmt::print("{}", PrintConfig(*outcome.config));
  }
  return Exit(ExitCode::kStopped);
}

int Serve(std::shared_ptr<const Config> config, ConfigInputs inputs, const Program& program,
          const ServiceEnvironment& environment, std::function<void()> on_serving, bool detached) {
  LogOutput log_output;
  if (const Status status = log_output.Apply(config->log); !status.Ok()) {
    return Fail(ExitCode::kOsError, status.Err());
  }
  RaiseDescriptorLimit();
  Result<EventLoop> loop = EventLoop::Create();
  if (!loop.Ok()) return Fail(ExitCode::kOsError, loop.Err());
  Result<Scoreboard> scoreboard = Scoreboard::Create();
  if (!scoreboard.Ok()) return Fail(ExitCode::kOsError, scoreboard.Err());
  log::SetDropCounter(&scoreboard.Value().Master().log_lines_dropped);
  Master master(loop.Value(), scoreboard.Value(), log_output, program, environment, std::move(inputs));
  return Exit(master.Run(std::move(config), std::move(on_serving), detached));
}

int ServeDaemonized(std::shared_ptr<const Config> config, ConfigInputs inputs, const Program& program,
                    const ServiceEnvironment& environment) {
  if (config->log.file == "stderr" || config->log.access == "stderr") {
    fmt::print(stderr,
               "--daemonize: there will be no standard error: say where the log goes, with --log-file, and the access "
               "log, with --set log.access=PATH\n");
    return Exit(ExitCode::kUsage);
  }
  return RunDaemonized([&](ServingCallback on_serving) {
    return Serve(std::move(config), std::move(inputs), program, environment, std::move(on_serving), true);
  });
}

}  // namespace

int RunProgram(int argc, char** argv, const Program& program) {
  // Inherited as ignored, it would take the status of every worker from us (waitid(2)).
  (void)::signal(SIGCHLD, SIG_DFL);
  log::SetIdentity({"master", std::nullopt, std::nullopt, std::nullopt});
  const ServiceEnvironment environment = TakeServiceEnvironment();
  if (const Status status = FillStandardDescriptors(); !status.Ok()) {
    return Fail(ExitCode::kOsError, status.Err());
  }
  std::variant<Options, EarlyExit> parsed = ParseOptions(argc, argv);
  if (const auto* early = std::get_if<EarlyExit>(&parsed)) {
    fmt::print(early->code == ExitCode::kStopped ? stdout : stderr, "{}", early->text);
    return Exit(early->code);
  }
  Options& options = std::get<Options>(parsed);
  ConfigInputs& inputs = options.inputs;
  inputs.environment = EnvironmentOverrides(environ);
  for (const auto& [type, speaks_first] : program.service_types) inputs.service_types.push_back(type);
  const ConfigOutcome outcome = LoadConfig(inputs);
  if (options.check || options.print_config || outcome.config == nullptr) {
    return ReportConfig(outcome, options.check);
  }
  if (options.daemonize) return ServeDaemonized(outcome.config, std::move(inputs), program, environment);
  return Serve(outcome.config, std::move(inputs), program, environment, [] {}, false);
}

}  // namespace preforkd
