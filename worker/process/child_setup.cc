#include "worker/process/child_setup.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <string>
#include <utility>
#include <vector>

#include "common/base/log.h"
#include "common/base/sys_error.h"
#include "common/base/syslog_name.h"
#include "common/process/authority.h"
#include "common/process/identity_plan.h"
#include "common/process/limits.h"
#include "common/process/self_stat.h"
#include "worker/process/environment.h"
#include "worker/process/identity.h"
#include "worker/process/inside_roots.h"

namespace preforkd {
namespace {

// Signals from a terminal, commands meant for the master, and SIGXFSZ: a write to a log at its size limit
// must fail, not end the process.
constexpr int kIgnored[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGUSR1, SIGUSR2, SIGPIPE,
                            SIGALRM, SIGTTIN, SIGTTOU, SIGTSTP, SIGXFSZ};

Status ResetSignals() {
  for (int signo = 1; signo < NSIG; ++signo) {
    if (signo == SIGKILL || signo == SIGSTOP) continue;
    (void)::signal(signo, SIG_DFL);  // EINVAL for the two signals that libc reserves
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

constexpr int kFirstForeign = kAccessFd + 1;
static_assert(kFirstForeign <= ModuleFile::kLowestFd, "the file of a module lies on a number of ours");

// Copies `fd` to a number outside the worker's fixed ones: dup3 to a fixed number closes what was there.
Result<UniqueFd> PutAside(int fd, const char* what) {
  UniqueFd copy(::fcntl(fd, F_DUPFD_CLOEXEC, kFirstForeign));
  if (!copy.Valid()) return SysError("fcntl", what);
  return copy;
}

// Moves `copy` to exactly `number`, close-on-exec. The copy itself is closed later with all other
// descriptors.
Result<UniqueFd> Place(Result<UniqueFd> copy, int number) {
  if (!copy.Ok()) return copy;
  const int fd = copy.Value().Release();
  if (::dup3(fd, number, O_CLOEXEC) < 0) return SysError("dup3");
  return UniqueFd(number);
}

// Redirects standard input to /dev/null. Output and error too, if the caller waits for their release.
Status ReleaseStandard(bool detached) {
  UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null.Valid()) return SysError("open", "/dev/null");
  if (::dup2(null.Get(), STDIN_FILENO) < 0) return SysError("dup2");
  if (!detached) return {};
  log::SetErrorEcho(-1);
  if (::dup2(null.Get(), STDOUT_FILENO) < 0 || ::dup2(null.Get(), STDERR_FILENO) < 0) return SysError("dup2");
  return {};
}

// Those of the modules of its services.
std::vector<int> ModuleFds(const WorkerStart& start) {
  std::vector<int> fds;
  for (const auto& [id, service] : start.services) {
    if (service->module && service->module->file.Held()) fds.push_back(service->module->file.Fd());
  }
  std::sort(fds.begin(), fds.end());
  return fds;
}

// Closes all from kFirstForeign on, except `kept`, which is sorted.
Status CloseForeign(const std::vector<int>& kept) {
  auto first = static_cast<unsigned>(kFirstForeign);
  for (const int fd : kept) {
    const auto number = static_cast<unsigned>(fd);
    if (number > first && ::close_range(first, number - 1, 0) < 0) return SysError("close_range");
    first = std::max(first, number + 1);
  }
  return ::close_range(first, ~0U, 0) < 0 ? Status(SysError("close_range")) : Status();
}

Result<ChildDescriptors> KeepOnlyOurs(const WorkerStart& start) {
  const bool log_is_file = start.logs.server > STDERR_FILENO;
  const bool has_access = start.logs.access >= 0;
  Result<UniqueFd> channel = PutAside(start.channel, "channel");
  Result<UniqueFd> log = log_is_file ? PutAside(start.logs.server, "log") : UniqueFd();
  Result<UniqueFd> access = has_access ? PutAside(start.logs.access, "access log") : UniqueFd();
  if (const Status status = ReleaseStandard(start.detached); !status.Ok()) return status.Err();

  channel = Place(std::move(channel), kChannelFd);
  if (log_is_file) log = Place(std::move(log), kLogFd);
  if (has_access) access = Place(std::move(access), kAccessFd);
  for (const auto* kept : {&channel, &log, &access}) {
    if (!kept->Ok()) return kept->Err();
  }
  // Close the master's other descriptors: those above ours, and those on an unused number of ours.
  if (const Status status = CloseForeign(ModuleFds(start)); !status.Ok()) return status.Err();
  if (!log_is_file && ::close_range(kLogFd, kLogFd, 0) < 0) return SysError("close_range");
  if (!has_access && ::close_range(kAccessFd, kAccessFd, 0) < 0) return SysError("close_range");
  return ChildDescriptors{std::move(channel).Value(), std::move(log).Value(), std::move(access).Value(),
                          OpenStatm()};
}

// Only the master is protected from the OOM killer: a worker may grow, and can be replaced. Without /proc or
// the right to write, the setting stays as it is.
void DropOomProtection() {
  const UniqueFd file(::open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC));
  std::array<char, 16> text{};
  if (!file.Valid() || ::pread(file.Get(), text.data(), text.size() - 1, 0) <= 0 || text[0] != '-') return;
  if (::pwrite(file.Get(), "0", 1, 0) != 1)
    log::Debug(log::kSystemCallFailed, "{}", SysError("write", "oom_score_adj").text);
}

// Beside gates a request must not wait for the end of a handshake, or of another process's work: a process
// under SCHED_BATCH, which the master is, does not preempt what runs when it wakes up. Gates stay under it.
void PreemptGates(const WorkerStart& start) {
  if (start.config->scheduling != Scheduling::kBatch || start.config->Gates() == nullptr) return;
  if (start.pool->kind == PoolKind::kTls) return;
  if (const Status prompt = UsePromptScheduling(); !prompt.Ok())
    log::Info(log::kSystemCallFailed, "requests may wait for handshakes: {}", prompt.Err().text);
}

Status FollowMaster(pid_t master, int parent_exit_signal) {
  if (::prctl(PR_SET_PDEATHSIG, parent_exit_signal) < 0) return SysError("prctl", "PR_SET_PDEATHSIG");
  // If the master ended before the prctl call, no signal will arrive.
  if (::getppid() != master) return Error{"the master has already ended", 0};
  return {};
}

}  // namespace

Result<ChildDescriptors> SetUpChild(WorkerStart& start) {
  log::SetIdentity({"worker", start.id.slot, start.id.incarnation, start.generation});
  if (const Status status = ResetSignals(); !status.Ok()) return status.Err();
  // A session of its own, so that ^C in a terminal reaches only the master, which then stops its workers in
  // order.
  if (::setsid() < 0) return SysError("setsid");
  (void)KeepEnvironment(start.pool->worker.environment);
  DropOomProtection();
  const Status confined = start.scoreboard->ConfineTo(start.id.slot);  // while its descriptor is still open
  Result<ChildDescriptors> descriptors = KeepOnlyOurs(start);
  if (!descriptors.Ok()) return descriptors;
  log::SetOutput(descriptors.Value().log.Valid() ? kLogFd : STDERR_FILENO, start.logs.sink);
  // The master still uses the settings of the generation in service.
  log::SetLevel(start.config->log.level);
  log::SetFormat(start.config->log.format);
  if (log::MeansSyslog(start.config->log.file)) {
    log::SetSyslog(start.config->log.syslog_socket,
                   static_cast<unsigned>(log::FacilityOf(start.config->log.file)));
  }
  if (!confined.Ok())
    log::Warning({log::kWorkerUnprotected, {{"protection", "scoreboard"}}},
                 "this worker can write to the rows of other workers: {}", confined.Err().text);
  // Shown by ps and top; at most 15 characters.
  const std::string title = fmt::format("preforkd-w{}", Raw(start.id.slot));
  if (::prctl(PR_SET_NAME, title.c_str()) < 0) return SysError("prctl", "PR_SET_NAME");
  PreemptGates(start);
  const IdentityPlan plan = PlanIdentity(*start.pool, OwnAuthority());
  Result<InsideRoots> roots = plan.change_root ? InsideRoots::Find(start) : InsideRoots();
  if (!roots.Ok()) return roots.Err();
  if (const Status status = TakeIdentity(plan, *start.pool); !status.Ok()) return status.Err();
  if (plan.change_root) roots.Value().Rename(start);
  if (const Status status = FollowMaster(start.master_pid, start.parent_exit_signal); !status.Ok())
    return status.Err();
  return descriptors;
}

}  // namespace preforkd
