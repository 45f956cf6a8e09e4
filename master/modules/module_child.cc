#include "master/modules/module_child.h"

#include <fmt/core.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

#include "common/base/exit_code.h"
#include "common/base/sys_error.h"
#include "common/config/module_codec.h"
#include "common/text/quote.h"
#include "master/system/output_pipe.h"
#include "master/system/trial_process.h"

namespace preforkd {
namespace {

// Of what it writes: a module may declare some hundred keys, and the process may be mad.
constexpr std::size_t kMaxOutput = 256 * 1024;

// True: it has exited. `info` then has its status, unless another process (a debugger) has taken that.
bool WaitFor(int pidfd, int options, siginfo_t& info) {
  info = {};
  int result = 0;
  do {
    result = ::waitid(P_PIDFD, static_cast<id_t>(pidfd), &info, WEXITED | WNOHANG | options);
  } while (result < 0 && errno == EINTR);
  return result < 0 || info.si_pid != 0;
}

}  // namespace

Duration TimeToOpen(const ModuleWanted& wanted, Duration longest) {
  return std::min(longest, wanted.config->pools.front().supervision.start_timeout);
}

ModuleTask OpeningOf(const ModuleWanted& wanted, const WorkerEntry& describe) {
  return {describe, wanted.path, wanted.config};
}

Result<ModuleChild> ModuleChild::Start(ModuleTask task, const LogFds& logs) {
  Result<OutputPipe> pipe = MakeOutputPipe();
  if (!pipe.Ok()) return pipe.Err();
  Result<Scoreboard> board = Scoreboard::Create();
  if (!board.Ok()) return board.Err();
  Result<SpawnedProcess> process = SpawnTrial(task.entry, board.Value(), pipe.Value().write_end.Get(),
                                              task.config, task.config->pools.front(), task.preloads, logs);
  if (!process.Ok()) return process.Err();
  return ModuleChild(std::move(task), std::move(process).Value(), std::move(pipe.Value().read_end),
                     std::move(board).Value());
}

ModuleChild::ModuleChild(ModuleTask task, SpawnedProcess process, UniqueFd output, Scoreboard board)
    : task_(std::move(task)),
      process_(std::move(process)),
      output_(std::move(output)),
      board_(std::move(board)) {}

ModuleChild::~ModuleChild() {
  if (!process_.pidfd.Valid()) return;
  KillGroup();
  (void)KillAndAwait(process_.pidfd.Get());
}

// Kills also what the module has started. The process has not been waited for, so its number, which is also
// that of its session, still belongs to it.
void ModuleChild::KillGroup() const { (void)::kill(-process_.pid, SIGKILL); }

bool ModuleChild::Read() {
  std::array<char, 4096> buffer;
  for (;;) {
    const ssize_t size = ::read(output_.Get(), buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return size < 0 && errno == EAGAIN;
    if (said_.size() + static_cast<std::size_t>(size) > kMaxOutput) {
      if (stopped_.empty())
        stopped_ = fmt::format("wrote more than {} KiB while {}", kMaxOutput / 1024, task_.doing);
      (void)SignalProcess(process_.pidfd.Get(), SIGKILL);
      return false;
    }
    said_.append(buffer.data(), static_cast<std::size_t>(size));
  }
}

void ModuleChild::GiveUp(Duration limit) {
  if (stopped_.empty()) {
    stopped_ =
        fmt::format("did not return within {:g} s when {}{}", Seconds(limit), task_.doing, task_.if_late);
  }
  KillGroup();
  (void)SignalProcess(process_.pidfd.Get(), SIGKILL);
}

bool ModuleChild::HasExited() const {
  siginfo_t end;
  return WaitFor(process_.pidfd.Get(), WNOWAIT, end);
}

Result<std::string> ModuleChild::Finish() {
  (void)Read();
  KillGroup();
  siginfo_t end;
  (void)WaitFor(process_.pidfd.Get(), 0, end);
  process_.pidfd.Reset();
  return Judge(end);
}

Result<std::string> ModuleChild::Judge(const siginfo_t& end) const {
  const auto wrong = [&](std::string_view what) {
    return Error{fmt::format("'{}' {}", Escaped(task_.path), what)};
  };
  if (!stopped_.empty()) return wrong(stopped_);
  const ExitReport exit = ReportOf(end.si_code, end.si_status);
  if (exit.kind == ExitKind::kSignal)
    return wrong(fmt::format("crashed with {} while {}", exit.Word(), task_.doing));
  if (exit.kind == ExitKind::kStartFailure) {
    return wrong("cannot be opened as a worker would: " +
                 WhyNotReady(exit, board_.Row(Slot{0}).startup.Read()));
  }
  if (exit.kind == ExitKind::kFailure) {
    return wrong(fmt::format("ended its process with {} while {}", exit.Text(), task_.doing));
  }
  if (said_.empty()) return wrong(fmt::format("ended its process while {}", task_.doing));
  return said_;
}

Result<ModuleDeclaration> DeclarationIn(const Result<std::string>& answer) {
  if (!answer.Ok()) return answer.Err();
  Result<ModuleDeclaration> module = DecodeModule(answer.Value());
  return module.Ok() ? std::move(module) : Error{Escaped(module.Err().text)};
}

}  // namespace preforkd
