#include "master/system/spawn.h"

extern "C" {  // glibc 2.36 lacks it in this header
#include <sys/pidfd.h>
}
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "common/base/exit_code.h"
#include "common/base/log.h"
#include "common/base/secret_memory.h"
#include "common/base/sys_error.h"
#include "master/dispatch/connection_seals.h"

namespace preforkd {

Result<SpawnedProcess> SpawnProcess(const std::function<void()>& child) {
  std::fflush(nullptr);  // else the child would write our buffers a second time
  // A signal sent to the child must stay pending until the child can handle it.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  if (::sigprocmask(SIG_SETMASK, &all, &before) < 0) return SysError("sigprocmask");
  const pid_t pid = ::fork();
  if (pid == 0) {
    ForgetSealKey();
    LeaveSecretMemory();
    child();
    ::_exit(static_cast<int>(WorkerExit::kStartFailed));
  }
  const int fork_errno = errno;
  // On failure more signals stay blocked. The master reads the ones it handles from a signalfd, so it can go
  // on.
  if (::sigprocmask(SIG_SETMASK, &before, nullptr) < 0)
    log::Error(log::kSystemCallFailed, "{}", SysError("sigprocmask").text);
  if (pid < 0) return SysErrorOf(fork_errno, "fork");

  SpawnedProcess process{pid, UniqueFd(::pidfd_open(pid, 0))};  // close-on-exec by default
  if (process.pidfd.Valid()) return process;
  // Kill a child that cannot be watched. It has not been waited for, so the pid is still its own.
  const Error error = SysError("pidfd_open");
  ::kill(pid, SIGKILL);
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  return error;
}

bool SignalProcess(int pidfd, int signo) {
  if (::pidfd_send_signal(pidfd, signo, nullptr, 0) == 0) return true;
  if (errno != ESRCH) log::Error(log::kSystemCallFailed, "{}", SysError("pidfd_send_signal").text);
  return false;
}

siginfo_t KillAndAwait(int pidfd) {
  siginfo_t info{};
  (void)SignalProcess(pidfd, SIGKILL);
  while (::waitid(P_PIDFD, static_cast<id_t>(pidfd), &info, WEXITED) < 0 && errno == EINTR) {
  }
  return info;
}

}  // namespace preforkd
