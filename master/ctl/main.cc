// preforkctl: shows the state of a running preforkd and controls it. One request, one reply, one exit code.
#include <fmt/format.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/about/version.h"
#include "common/base/exit_code.h"
#include "common/control/control_message.h"
#include "master/ctl/ctl_client.h"
#include "master/ctl/ctl_options.h"
#include "master/ctl/status_text.h"
#include "master/ctl/status_view.h"
#include "master/ctl/top.h"

namespace preforkd {
namespace {

// The exit code after a refusal by the server. All others are in ExitCode.
constexpr int kRefused = 1;
constexpr Duration kTimeout = std::chrono::seconds(10);

int Exit(ExitCode code) { return static_cast<int>(code); }

int Fail(const Error& error) {
  fmt::print(stderr, "preforkctl: {}\n", error.text);
  return Exit(error.errnum == EACCES || error.errnum == EPERM ? ExitCode::kNoPermission
                                                              : ExitCode::kUnavailable);
}

ControlRequest RequestFor(const CtlOptions& options) {
  ControlRequest request;
  for (const ControlCommand command :
       {ControlCommand::kStatus, ControlCommand::kMetrics, ControlCommand::kConfig, ControlCommand::kReload,
        ControlCommand::kUpgrade, ControlCommand::kStop, ControlCommand::kScale, ControlCommand::kRetire,
        ControlCommand::kReopenLogs}) {
    if (options.command == ControlCommandName(command)) request.command = command;
  }
  request.wait = options.wait;
  request.number = options.number;
  request.pool = options.pool;
  return request;  // `workers` and `certificates` show a part of the status
}

int PrintRefusal(const ControlReply& reply) {
  for (const std::string& problem : reply.problems) fmt::print(stderr, "{}\n", problem);
  fmt::print(stderr, "preforkctl: {}\n", reply.message);
  return reply.message == "permission denied" ? Exit(ExitCode::kNoPermission) : kRefused;
}

Result<std::string> TextFor(const std::string& command, const std::string& json) {
  if (command == "certificates") {
    const Result<std::vector<CertificateView>> certificates = ParseCertificates(json);
    if (!certificates.Ok()) return certificates.Err();
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return CertificatesText(certificates.Value(),
                            std::chrono::duration_cast<std::chrono::seconds>(now).count());
  }
  const Result<StatusView> view = ParseStatus(json);
  if (!view.Ok()) return view.Err();
  return command == "workers" ? WorkersText(view.Value()) : StatusText(view.Value());
}

int PrintStatus(const CtlOptions& options, const std::string& json) {
  const bool part = options.command != "status";
  if (options.json) {
    fmt::print("{}\n", part ? ListJson(json, options.command.c_str()) : json);
    return Exit(ExitCode::kStopped);
  }
  const Result<std::string> text = TextFor(options.command, json);
  if (!text.Ok()) return Fail(text.Err());
  fmt::print("{}", text.Value());
  return Exit(ExitCode::kStopped);
}

int Print(const CtlOptions& options, const ControlRequest& request, const ControlReply& reply) {
  if (reply.ok && request.command == ControlCommand::kStatus) return PrintStatus(options, reply.result);
  if (options.json) {
    fmt::print("{}", RenderControlReply(reply));
    return reply.ok ? Exit(ExitCode::kStopped) : kRefused;
  }
  if (!reply.ok) return PrintRefusal(reply);
  fmt::print("{}", reply.result.empty() ? reply.message + "\n" : TextOf(reply));
  return Exit(ExitCode::kStopped);
}

int Run(int argc, char** argv) {
  const std::variant<CtlOptions, CtlEarlyExit> parsed = ParseCtlOptions(argc, argv);
  if (const auto* early = std::get_if<CtlEarlyExit>(&parsed)) {
    fmt::print(early->code == ExitCode::kStopped ? stdout : stderr, "{}", early->text);
    return Exit(early->code);
  }
  const auto& options = std::get<CtlOptions>(parsed);
  if (options.command == "version") {
    if (options.verbose) {
      fmt::print("{}", AboutCtl());
      return Exit(ExitCode::kStopped);
    }
    fmt::print("{}\n", options.json ? fmt::format("{{\"version\":\"{}\"}}", kVersion)
                                    : fmt::format("preforkctl {}", kVersion));
    return Exit(ExitCode::kStopped);
  }
  if (options.command == "top") return Exit(RunTop(options));
  Result<CtlClient> client = CtlClient::Connect(options.control);
  if (!client.Ok()) return Fail(client.Err());
  const ControlRequest request = RequestFor(options);
  // The server itself limits these: a generation's start, and the workers' replies.
  const bool bounded_there = request.wait || request.command == ControlCommand::kReopenLogs;
  const Result<ControlReply> reply =
      client.Value().Ask(request, bounded_there ? std::nullopt : std::optional<Duration>(kTimeout));
  return reply.Ok() ? Print(options, request, reply.Value()) : Fail(reply.Err());
}

}  // namespace
}  // namespace preforkd

int main(int argc, char** argv) {
  (void)::signal(SIGPIPE, SIG_DFL);  // if the reader of a pipe exits, end without a message
  const int code = preforkd::Run(argc, argv);
  // A full disk must not look like success.
  if (std::fflush(stdout) != 0) {
    std::perror("preforkctl: standard output");
    return static_cast<int>(preforkd::ExitCode::kOsError);
  }
  return code;
}
