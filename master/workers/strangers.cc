#include "master/workers/strangers.h"

#include <sys/wait.h>

#include <cerrno>

#include "common/base/log.h"

namespace preforkd {

std::optional<pid_t> EndedChild() {
  siginfo_t info{};
  int result = 0;
  do {
    result = ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT);
  } while (result < 0 && errno == EINTR);
  // ECHILD: there is no child at all.
  if (result < 0 || info.si_pid == 0) return std::nullopt;
  return info.si_pid;
}

void BuryStranger(pid_t pid) {
  siginfo_t info{};
  while (::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG) < 0 && errno == EINTR) {
  }
  log::Debug("process {}, which is no worker, has ended", pid);
}

}  // namespace preforkd
