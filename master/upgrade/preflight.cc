#include "master/upgrade/preflight.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "common/base/exit_code.h"
#include "common/base/log.h"
#include "common/base/sys_error.h"
#include "common/text/quote.h"
#include "master/system/early_signals.h"
#include "master/system/output_pipe.h"
#include "master/upgrade/upgrade_order.h"

namespace preforkd {
namespace {

// Limits for the child's output: the program may be anything.
constexpr std::size_t kMaxLine = 500;
constexpr std::size_t kMaxLines = 40;
constexpr int kReadsAtOnce = 16;  // all that a pipe can hold
constexpr std::string_view kRefused = "refused: ";

// Runs in the child between fork and exec. All descriptors of the master are close-on-exec; output goes to
// the pipe.
[[noreturn]] void Become(const std::string& path, char* const* arguments, const OutputPipe& pipe, int state) {
  const UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  (void)::setpgid(0, 0);  // its own process group, so that KillGroup ends its children too
  for (const int signo : {SIGPIPE, SIGXFSZ, SIGALRM, SIGVTALRM, SIGPROF, SIGIO}) {
    (void)::signal(signo, SIG_DFL);
  }
  const bool ready = ::dup2(null.Get(), STDIN_FILENO) >= 0 &&
                     ::dup2(pipe.write_end.Get(), STDOUT_FILENO) >= 0 &&
                     ::dup2(pipe.write_end.Get(), STDERR_FILENO) >= 0 && ::fcntl(state, F_SETFD, 0) >= 0;
  HoldOnlyCommandSignals();
  if (ready) ::execve(path.c_str(), arguments, environ);
  const std::string why = std::string(kRefused) + SysErrorOf(errno, "execve", path).text;
  (void)!::write(STDERR_FILENO, why.data(), why.size());
  ::_exit(static_cast<int>(ExitCode::kOsError));
}

}  // namespace

Result<std::unique_ptr<Preflight>> Preflight::Start(EventLoop& loop, const std::string& path,
                                                    const std::vector<std::string>& words, UniqueFd state,
                                                    Duration limit, Done done) {
  Result<OutputPipe> pipe = MakeOutputPipe();
  if (!pipe.Ok()) return pipe.Err();
  std::vector<std::string> all = words;
  all.push_back(std::string(kOrderArgument) +
                TextOf(UpgradeOrder{UpgradeOrder::Kind::kCheck, state.Get(), -1, {}}));
  const std::vector<char*> arguments = PointersTo(all);
  Result<SpawnedProcess> child =
      SpawnProcess([&] { Become(path, arguments.data(), pipe.Value(), state.Get()); });
  if (!child.Ok()) return child.Err();
  std::unique_ptr<Preflight> preflight(new Preflight(
      loop, std::move(child).Value(), std::move(pipe.Value().read_end), limit, std::move(done)));
  if (const Status status = preflight->Watch(); !status.Ok()) return status.Err();
  return preflight;
}

Preflight::Preflight(EventLoop& loop, SpawnedProcess child, UniqueFd output, Duration limit, Done done)
    : pid_(child.pid),
      pidfd_(std::move(child.pidfd)),
      output_(std::move(output)),
      limit_(limit),
      done_(std::move(done)),
      exit_watch_(loop, pidfd_.Get(), EventLoop::kPriorityControl, [this](Interest) { OnExit(); }),
      output_watch_(loop, output_.Get(), EventLoop::kPriorityControl, [this](Interest) { Drain(); }),
      deadline_(loop, EventLoop::kPriorityControl, [this] { OnLate(); }) {}

Preflight::~Preflight() {
  if (!pidfd_.Valid()) return;
  KillGroup();
  (void)KillAndAwait(pidfd_.Get());
}

// Kills also the processes that the new program has started. The child has not been waited for, so its
// process group id still belongs to it.
void Preflight::KillGroup() const { (void)::kill(-pid_, SIGKILL); }

Status Preflight::Watch() {
  deadline_.SetAfter(limit_);
  if (Status status = exit_watch_.Want(Interest::kRead); !status.Ok()) return status;
  return output_watch_.Want(Interest::kRead);
}

void Preflight::OnLate() {
  late_ = true;
  KillGroup();
  (void)SignalProcess(pidfd_.Get(), SIGKILL);  // OnExit reports it when the process has exited
}

void Preflight::Drain() {
  std::array<char, 4096> buffer;
  // A program may print faster than this reads, without end. The watch calls again while there is more.
  for (int i = 0; i < kReadsAtOnce; ++i) {
    const ssize_t size = ::read(output_.Get(), buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) {
      if (size == 0) output_watch_.Stop();  // all writers have closed the pipe
      return;
    }
    said_.append(buffer.data(), static_cast<std::size_t>(size));
    Relay();
  }
}

void Preflight::Relay() {
  for (;;) {
    const std::size_t end = said_.find('\n');
    if (end == std::string::npos && said_.size() < kMaxLine) return;
    const std::string line = said_.substr(0, std::min(end, kMaxLine));
    said_.erase(0, end == std::string::npos ? kMaxLine : end + 1);
    if (line.empty()) continue;
    last_line_ = line;
    if (line.starts_with(kWouldDo) || line.starts_with(kRefused))
      continue;  // this is the verdict, which is logged elsewhere
    if (++lines_ <= kMaxLines)
      log::Info(log::kUpgradeOutput, "upgrade: the new program printed: {}", Escaped(line));
  }
}

bool Preflight::OnChildExit(pid_t pid) {
  if (pid != pid_ || !pidfd_.Valid()) return false;
  OnExit();
  return true;
}

void Preflight::OnExit() {
  siginfo_t info{};
  const auto wait = [&](int options) {
    return ::waitid(P_PIDFD, static_cast<id_t>(pidfd_.Get()), &info, WEXITED | WNOHANG | options);
  };
  if (wait(WNOWAIT) == 0 && info.si_pid == 0) return;
  KillGroup();
  (void)wait(0);
  exit_watch_.Stop();
  pidfd_.Reset();
  Drain();
  if (!said_.empty()) {
    said_ += '\n';
    Relay();
  }
  const Result<std::string> verdict = Verdict(info.si_code, info.si_status);
  const Done done = std::move(done_);
  done(verdict);  // may destroy this: last statement
}

Result<std::string> Preflight::Verdict(int code, int status) const {
  if (late_) {
    return Error{fmt::format("the new program timed out after {:.0f} s", Seconds(limit_))};
  }
  const ExitReport end = ReportOf(code, status);
  if (end.kind == ExitKind::kUnknown) return Error{"the new program exited with unknown status"};
  if (end.kind == ExitKind::kSignal) return Error{"the new program was killed by " + end.Text()};
  if (status == 0 && last_line_.starts_with(kWouldDo)) return Escaped(last_line_.substr(kWouldDo.size()));
  if (last_line_.starts_with(kRefused)) return Error{Escaped(last_line_.substr(kRefused.size()))};
  const std::string said = last_line_.empty() ? "" : ": " + Escaped(last_line_);
  return Error{
      fmt::format("not a preforkd binary that supports upgrade; it exited with code {}{}", status, said)};
}

}  // namespace preforkd
