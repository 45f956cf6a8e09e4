#include "worker/child_setup.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>
#include <string>

#include "common/base/log.h"
#include "common/base/sys_error.h"
#include "worker/identity.h"

namespace preforkd {
namespace {

// A terminal's signals, the master's commands, and what would end a process that has no use for it.
constexpr int kIgnored[] = {SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGPIPE, SIGALRM, SIGTTIN, SIGTTOU, SIGTSTP};

Status ResetSignals() {
  for (int signo = 1; signo < NSIG; ++signo) {
    if (signo == SIGKILL || signo == SIGSTOP) continue;
    (void)::signal(signo, SIG_DFL);  // EINVAL for the two that libc keeps
  }
  for (const int signo : kIgnored) {
    if (::signal(signo, SIG_IGN) == SIG_ERR) return SysError("signal");
  }
  sigset_t mask;
  ::sigemptyset(&mask);
  ::sigaddset(&mask, SIGTERM);
  if (::sigprocmask(SIG_SETMASK, &mask, nullptr) < 0) return SysError("sigprocmask");
  return {};
}

// Puts a copy of `fd` at exactly `number`, close-on-exec.
Status Place(int fd, int number) {
  if (::dup3(fd, number, O_CLOEXEC) < 0) return SysError("dup3");
  return {};
}

Result<ChildDescriptors> KeepOnlyOurs(const WorkerStart& start) {
  const bool log_is_file = start.logs.server > STDERR_FILENO;
  // First out of the way of the numbers that they are going to: dup3 closes what is there.
  UniqueFd channel(::fcntl(start.channel, F_DUPFD_CLOEXEC, kLogFd + 1));
  if (!channel.Valid()) return SysError("fcntl", "channel");
  UniqueFd log_file;
  if (log_is_file) {
    log_file = UniqueFd(::fcntl(start.logs.server, F_DUPFD_CLOEXEC, kLogFd + 1));
    if (!log_file.Valid()) return SysError("fcntl", "log");
  }
  UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null.Valid()) return SysError("open", "/dev/null");
  if (::dup2(null.Get(), STDIN_FILENO) < 0) return SysError("dup2");
  if (start.detached && (::dup2(null.Get(), STDOUT_FILENO) < 0 || ::dup2(null.Get(), STDERR_FILENO) < 0)) {
    return SysError("dup2");
  }

  Status status = Place(channel.Get(), kChannelFd);
  if (status.Ok() && log_is_file) status = Place(log_file.Get(), kLogFd);
  if (!status.Ok()) return status.Err();
  // The copies go with everything else.
  (void)channel.Release();
  (void)log_file.Release();
  (void)null.Release();
  const unsigned first_foreign = log_is_file ? kLogFd + 1 : kChannelFd + 1;
  if (::close_range(first_foreign, ~0U, 0) < 0) return SysError("close_range");
  return ChildDescriptors{UniqueFd(kChannelFd), log_is_file ? UniqueFd(kLogFd) : UniqueFd()};
}

Status FollowMaster(pid_t master) {
  if (::prctl(PR_SET_PDEATHSIG, SIGTERM) < 0) return SysError("prctl", "PR_SET_PDEATHSIG");
  // If the master died before the call, no signal will ever come.
  if (::getppid() != master) return Error{"the master is gone already", 0};
  return {};
}

}  // namespace

Result<ChildDescriptors> SetUpChild(const WorkerStart& start) {
  log::SetIdentity({"worker", start.id.slot, start.id.incarnation, start.generation});
  if (const Status status = ResetSignals(); !status.Ok()) return status.Err();
  // Its own session: a ^C in the terminal is for the master, which then stops its workers in order.
  if (::setsid() < 0) return SysError("setsid");
  Result<ChildDescriptors> descriptors = KeepOnlyOurs(start);
  if (!descriptors.Ok()) return descriptors;
  log::SetOutput(descriptors.Value().log.Valid() ? kLogFd : STDERR_FILENO, start.logs.sink);
  // The master still has those of the generation in service.
  log::SetLevel(start.config->log.level);
  log::SetFormat(start.config->log.format);
  // Seen in ps and top; 15 characters at most.
  const std::string title = fmt::format("preforkd-w{}", Raw(start.id.slot));
  if (::prctl(PR_SET_NAME, title.c_str()) < 0) return SysError("prctl", "PR_SET_NAME");
  if (const Status status = DropIdentity(start.config->user, start.config->group); !status.Ok()) {
    return status.Err();
  }
  if (const Status status = FollowMaster(start.master_pid); !status.Ok()) return status.Err();
  return descriptors;
}

}  // namespace preforkd
