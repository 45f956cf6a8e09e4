#include "master/modules/module_child.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/prctl.h>
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

namespace preforkd {
namespace {

// Of what it writes: a module may declare some hundred keys, and the process may be mad.
constexpr std::size_t kMaxOutput = 256 * 1024;

struct Pipe {
  UniqueFd read_end;
  UniqueFd write_end;
};

Result<Pipe> MakePipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) < 0) return SysError("pipe2");
  Pipe pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
  if (::fcntl(pipe.read_end.Get(), F_SETFL, O_NONBLOCK) < 0) return SysError("fcntl", "pipe");
  return pipe;
}

WorkerStart StartFor(const ModuleWanted& wanted, int output, const Scoreboard& board, const LogFds& logs) {
  WorkerStart start;
  start.id = {Slot{0}, Incarnation{1}};
  start.generation = Generation{1};
  start.master_pid = ::getpid();
  start.channel = output;
  start.logs = logs;
  start.parent_exit_signal = SIGKILL;  // it handles no other signal
  start.scoreboard = &board;
  start.config = wanted.config;
  start.pool = &wanted.config->pools.front();
  start.services.emplace_back(ServiceId{0}, &wanted.config->services.front());
  return start;
}

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

Result<ModuleChild> ModuleChild::Start(const ModuleWanted& wanted, const WorkerEntry& describe,
                                       const LogFds& logs) {
  Result<Pipe> pipe = MakePipe();
  if (!pipe.Ok()) return pipe.Err();
  Result<Scoreboard> board = Scoreboard::Create();
  if (!board.Ok()) return board.Err();
  (void)board.Value().Use(Slot{0});
  WorkerStart start = StartFor(wanted, pipe.Value().write_end.Get(), board.Value(), logs);
  Result<SpawnedProcess> process = SpawnProcess([&] {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // until the process sets it itself
    describe(std::move(start));
  });
  if (!process.Ok()) return process.Err();
  return ModuleChild(wanted.path, std::move(process).Value(), std::move(pipe.Value().read_end),
                     std::move(board).Value());
}

ModuleChild::ModuleChild(std::string path, SpawnedProcess process, UniqueFd output, Scoreboard board)
    : path_(std::move(path)),
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
        stopped_ = fmt::format("wrote more than {} KiB while it was opened", kMaxOutput / 1024);
      (void)SignalProcess(process_.pidfd.Get(), SIGKILL);
      return false;
    }
    said_.append(buffer.data(), static_cast<std::size_t>(size));
  }
}

void ModuleChild::GiveUp(Duration limit) {
  if (stopped_.empty()) {
    stopped_ = fmt::format(
        "did not return within {:g} s when it was opened: a constructor hangs, or "
        "preforkd_module does",
        Seconds(limit));
  }
  KillGroup();
  (void)SignalProcess(process_.pidfd.Get(), SIGKILL);
}

bool ModuleChild::HasExited() const {
  siginfo_t end;
  return WaitFor(process_.pidfd.Get(), WNOWAIT, end);
}

Result<ModuleDeclaration> ModuleChild::Finish() {
  (void)Read();
  KillGroup();
  siginfo_t end;
  (void)WaitFor(process_.pidfd.Get(), 0, end);
  process_.pidfd.Reset();
  return Judge(end);
}

Result<ModuleDeclaration> ModuleChild::Judge(const siginfo_t& end) const {
  const auto wrong = [&](std::string_view what) {
    return Error{fmt::format("'{}' {}", Escaped(path_), what)};
  };
  if (!stopped_.empty()) return wrong(stopped_);
  const ExitReport exit = ReportOf(end.si_code, end.si_status);
  if (exit.kind == ExitKind::kSignal) return wrong("crashed with " + exit.Word() + " while it was opened");
  if (exit.kind == ExitKind::kStartFailure) {
    return wrong("cannot be opened as a worker would: " +
                 WhyNotReady(exit, board_.Row(Slot{0}).startup.Read()));
  }
  if (exit.kind == ExitKind::kFailure) {
    return wrong(fmt::format("ended its process with {} while it was opened", exit.Text()));
  }
  if (said_.empty()) return wrong("ended its process while it was opened");
  Result<ModuleDeclaration> module = DecodeModule(said_);
  return module.Ok() ? std::move(module) : Error{Escaped(module.Err().text)};
}

}  // namespace preforkd
