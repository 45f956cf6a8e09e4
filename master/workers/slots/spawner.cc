#include "master/workers/slots/spawner.h"

#include <sys/wait.h>

#include <cerrno>

#include "common/base/log.h"

namespace preforkd {

Result<SpawnedProcess> ForkSpawner::Spawn(WorkerStart start) {
  return SpawnProcess([&] { worker_(std::move(start)); });
}

bool ForkSpawner::Signal(const SpawnedProcess& process, int signo) {
  return SignalProcess(process.pidfd.Get(), signo);
}

std::optional<ExitReport> ForkSpawner::Reap(const SpawnedProcess& process) {
  siginfo_t info{};
  int result = 0;
  do {
    result = ::waitid(P_PIDFD, static_cast<id_t>(process.pidfd.Get()), &info, WEXITED | WNOHANG);
  } while (result < 0 && errno == EINTR);
  if (result == 0 && info.si_pid == 0) return std::nullopt;
  // ECHILD: another party (a debugger, SIGCHLD ignored by our parent) has taken its status. It has exited all
  // the same.
  return result == 0 ? ReportOf(info.si_code, info.si_status) : ExitReport::Unknown();
}

void ForkSpawner::KillAndReap(const SpawnedProcess& process) { (void)KillAndAwait(process.pidfd.Get()); }

std::optional<pid_t> ForkSpawner::EndedChild() {
  siginfo_t info{};
  int result = 0;
  do {
    result = ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT);
  } while (result < 0 && errno == EINTR);
  // ECHILD: there is no child at all.
  if (result < 0 || info.si_pid == 0) return std::nullopt;
  return info.si_pid;
}

void ForkSpawner::ReapOther(pid_t pid) {
  siginfo_t info{};
  while (::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG) < 0 && errno == EINTR) {
  }
  log::Debug({log::kChildExited, {{"child_pid", pid}}}, "process {}, which is not a worker, has exited", pid);
}

}  // namespace preforkd
