#include "worker/process/child_setup.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <string>
#include <utility>

#include "common/base/log.h"
#include "common/base/sys_error.h"
#include "common/base/syslog_name.h"
#include "common/process/authority.h"
#include "common/process/identity_plan.h"
#include "common/process/self_stat.h"
#include "worker/process/environment.h"
#include "worker/process/identity.h"
#include "worker/process/inside_roots.h"

namespace preforkd {
namespace {

// A terminal's signals, the master's commands, and what would end a process that has no use for it (SIGXFSZ:
// a log that has reached a limit is a write that fails).
constexpr int kIgnored[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGUSR1, SIGUSR2, SIGPIPE,
                            SIGALRM, SIGTTIN, SIGTTOU, SIGTSTP, SIGXFSZ};

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

constexpr int kFirstForeign = kAccessFd + 1;

// A copy of `fd` where no number is that something else goes to: dup3 closes what is there.
Result<UniqueFd> PutAside(int fd, const char* what) {
  UniqueFd copy(::fcntl(fd, F_DUPFD_CLOEXEC, kFirstForeign));
  if (!copy.Valid()) return SysError("fcntl", what);
  return copy;
}

// Moves it to exactly `number`, close-on-exec; the copy that stays behind goes with everything else.
Result<UniqueFd> Place(Result<UniqueFd> copy, int number) {
  if (!copy.Ok()) return copy;
  const int fd = copy.Value().Release();
  if (::dup3(fd, number, O_CLOEXEC) < 0) return SysError("dup3");
  return UniqueFd(number);
}

// Standard input is nobody's here; output and error are, unless the caller wants them back.
Status LetGoOfStandard(bool detached) {
  UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null.Valid()) return SysError("open", "/dev/null");
  if (::dup2(null.Get(), STDIN_FILENO) < 0) return SysError("dup2");
  if (!detached) return {};
  log::SetErrorEcho(-1);
  if (::dup2(null.Get(), STDOUT_FILENO) < 0 || ::dup2(null.Get(), STDERR_FILENO) < 0) return SysError("dup2");
  return {};
}

Result<ChildDescriptors> KeepOnlyOurs(const WorkerStart& start) {
  const bool log_is_file = start.logs.server > STDERR_FILENO;
  const bool has_access = start.logs.access >= 0;
  Result<UniqueFd> channel = PutAside(start.channel, "channel");
  Result<UniqueFd> log = log_is_file ? PutAside(start.logs.server, "log") : UniqueFd();
  Result<UniqueFd> access = has_access ? PutAside(start.logs.access, "access log") : UniqueFd();
  if (const Status status = LetGoOfStandard(start.detached); !status.Ok()) return status.Err();

  channel = Place(std::move(channel), kChannelFd);
  if (log_is_file) log = Place(std::move(log), kLogFd);
  if (has_access) access = Place(std::move(access), kAccessFd);
  for (const auto* kept : {&channel, &log, &access}) {
    if (!kept->Ok()) return kept->Err();
  }
  // Nothing of the master's is left: neither behind ours, nor on a number that is ours and not used.
  if (::close_range(kFirstForeign, ~0U, 0) < 0) return SysError("close_range");
  if (!log_is_file && ::close_range(kLogFd, kLogFd, 0) < 0) return SysError("close_range");
  if (!has_access && ::close_range(kAccessFd, kAccessFd, 0) < 0) return SysError("close_range");
  return ChildDescriptors{std::move(channel).Value(), std::move(log).Value(), std::move(access).Value(),
                          OpenStatm()};
}

// Protection from the OOM killer is the master's alone: a worker may grow, and can be replaced. Where there
// is no /proc, or no right to it, it stays as it is.
void TakeNoOomProtection() {
  const UniqueFd file(::open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC));
  std::array<char, 16> text{};
  if (!file.Valid() || ::pread(file.Get(), text.data(), text.size() - 1, 0) <= 0 || text[0] != '-') return;
  if (::pwrite(file.Get(), "0", 1, 0) != 1)
    log::Debug(log::kSystemCallFailed, "{}", SysError("write", "oom_score_adj").text);
}

Status FollowMaster(pid_t master, int parent_exit_signal) {
  if (::prctl(PR_SET_PDEATHSIG, parent_exit_signal) < 0) return SysError("prctl", "PR_SET_PDEATHSIG");
  // If the master died before the call, no signal will ever come.
  if (::getppid() != master) return Error{"the master is gone already", 0};
  return {};
}

}  // namespace

Result<ChildDescriptors> SetUpChild(WorkerStart& start) {
  log::SetIdentity({"worker", start.id.slot, start.id.incarnation, start.generation});
  if (const Status status = ResetSignals(); !status.Ok()) return status.Err();
  // Its own session: a ^C in the terminal is for the master, which then stops its workers in order.
  if (::setsid() < 0) return SysError("setsid");
  (void)KeepEnvironment(start.pool->worker.environment);
  TakeNoOomProtection();
  const Status confined = start.scoreboard->ConfineTo(start.id.slot);  // while its descriptor is still there
  Result<ChildDescriptors> descriptors = KeepOnlyOurs(start);
  if (!descriptors.Ok()) return descriptors;
  log::SetOutput(descriptors.Value().log.Valid() ? kLogFd : STDERR_FILENO, start.logs.sink);
  // The master still has those of the generation in service.
  log::SetLevel(start.config->log.level);
  log::SetFormat(start.config->log.format);
  if (log::MeansSyslog(start.config->log.file)) {
    log::SetSyslog(start.config->log.syslog_socket,
                   static_cast<unsigned>(log::FacilityOf(start.config->log.file)));
  }
  if (!confined.Ok())
    log::Warning({log::kWorkerUnprotected, {{"protection", "scoreboard"}}},
                 "the rows of other workers can be written to: {}", confined.Err().text);
  // Seen in ps and top; 15 characters at most.
  const std::string title = fmt::format("preforkd-w{}", Raw(start.id.slot));
  if (::prctl(PR_SET_NAME, title.c_str()) < 0) return SysError("prctl", "PR_SET_NAME");
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
