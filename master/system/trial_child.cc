#include "master/system/trial_child.h"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "common/base/sys_error.h"
#include "master/system/output_pipe.h"

namespace preforkd {
namespace {

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

Result<TrialChild> TrialChild::Start(const WorkerEntry& entry, const TrialInputs& inputs,
                                     std::size_t max_output, const LogFds& logs) {
  Result<OutputPipe> pipe = MakeOutputPipe();
  if (!pipe.Ok()) return pipe.Err();
  Result<Scoreboard> board = Scoreboard::Create();
  if (!board.Ok()) return board.Err();
  Result<SpawnedProcess> process =
      SpawnTrial(entry, board.Value(), pipe.Value().write_end.Get(), inputs, logs);
  if (!process.Ok()) return process.Err();
  return TrialChild(std::move(process).Value(), std::move(pipe.Value().read_end), std::move(board).Value(),
                    max_output);
}

TrialChild::TrialChild(SpawnedProcess process, UniqueFd output, Scoreboard board, std::size_t max_output)
    : process_(std::move(process)),
      output_(std::move(output)),
      board_(std::move(board)),
      max_output_(max_output) {}

TrialChild::~TrialChild() {
  if (!process_.pidfd.Valid()) return;
  KillGroup();
  (void)KillAndAwait(process_.pidfd.Get());
}

// Kills also what the process has started. It has not been waited for, so its number, which is also that of
// its session, still belongs to it.
void TrialChild::KillGroup() const { (void)::kill(-process_.pid, SIGKILL); }

bool TrialChild::Read() {
  std::array<char, 4096> buffer;
  for (;;) {
    const ssize_t size = ::read(output_.Get(), buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return size < 0 && errno == EAGAIN;
    if (said_.size() + static_cast<std::size_t>(size) > max_output_) {
      flooded_ = !late_;
      (void)SignalProcess(process_.pidfd.Get(), SIGKILL);
      return false;
    }
    said_.append(buffer.data(), static_cast<std::size_t>(size));
  }
}

void TrialChild::GiveUp() {
  late_ = !flooded_;
  KillGroup();
  (void)SignalProcess(process_.pidfd.Get(), SIGKILL);
}

bool TrialChild::HasExited() const {
  siginfo_t end;
  return WaitFor(process_.pidfd.Get(), WNOWAIT, end);
}

TrialEnd TrialChild::Finish() {
  (void)Read();
  KillGroup();
  siginfo_t end;
  (void)WaitFor(process_.pidfd.Get(), 0, end);
  process_.pidfd.Reset();
  return {ReportOf(end.si_code, end.si_status), std::move(said_), board_.Row(kTrialSlot).startup.Read(),
          flooded_, late_};
}

}  // namespace preforkd
