#include "master/system/daemonize.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "common/base/exit_code.h"
#include "common/base/log.h"
#include "common/base/sys_error.h"
#include "common/base/unique_fd.h"
#include "master/system/early_signals.h"
#include "master/system/spawn.h"

namespace preforkd {
namespace {

// In the daemon: one byte tells the waiting command that the server serves. End of file without it: the
// server ended before that.
void ReportServing(UniqueFd& pipe) {
  const char byte = 1;
  if (::write(pipe.Get(), &byte, 1) != 1)
    log::Warning(log::kDetached, "{}", SysError("write", "to the waiting command").text);
  pipe.Reset();
  log::SetErrorEcho(-1);
  const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (!null.Valid() || ::dup2(null.Get(), fd) < 0)
      log::Warning(log::kDetached, "cannot release the terminal");
  }
}

[[noreturn]] void BeDaemon(const std::function<int(ServingCallback)>& serve, UniqueFd pipe) {
  HoldOnlyCommandSignals();
  log::SetErrorEcho(STDERR_FILENO);  // until the server serves or has failed
  if (::setsid() < 0) log::Warning(log::kDetached, "{}", SysError("setsid").text);
  ::_exit(serve([&pipe] { ReportServing(pipe); }));
}

int ExitCodeOf(pid_t pid) {
  int status = 0;
  pid_t ended = 0;
  do {
    ended = ::waitpid(pid, &status, 0);
  } while (ended < 0 && errno == EINTR);
  // If the exit status cannot be read, the start counts as failed.
  return ended == pid && WIFEXITED(status) ? WEXITSTATUS(status) : static_cast<int>(ExitCode::kSoftware);
}

}  // namespace

int RunDaemonized(const std::string& log_path, const std::function<int(ServingCallback)>& serve) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) < 0) {
    const Error error = SysError("pipe2");
    log::Error({log::kStartFailed, {{"errno", ErrnoName(error.errnum)}, {"why", error.text}}}, "{}",
               error.text);
    return static_cast<int>(ExitCode::kOsError);
  }
  UniqueFd ours(ends[0]);
  UniqueFd theirs(ends[1]);
  const Result<SpawnedProcess> daemon = SpawnProcess([&] {
    ours.Reset();
    BeDaemon(serve, std::move(theirs));
  });
  if (!daemon.Ok()) {
    log::Error({log::kStartFailed, {{"errno", ErrnoName(daemon.Err().errnum)}, {"why", daemon.Err().text}}},
               "{}", daemon.Err().text);
    return static_cast<int>(ExitCode::kOsError);
  }
  theirs.Reset();
  char byte = 0;
  ssize_t size = 0;
  do {
    size = ::read(ours.Get(), &byte, 1);
  } while (size < 0 && errno == EINTR);
  if (size == 1) return static_cast<int>(ExitCode::kStopped);
  const int code = ExitCodeOf(daemon.Value().pid);
  log::Error({log::kStartFailed, {{"exit", code}}},
             "not started: the server exited with code {}; its log is {}", code, log_path);
  return code;
}

}  // namespace preforkd
