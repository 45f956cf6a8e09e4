#include "master/system/trial_probe.h"

#include <poll.h>

#include <array>
#include <cerrno>
#include <utility>

#include "common/base/sys_error.h"

namespace preforkd {

Result<std::unique_ptr<TrialProbe>> TrialProbe::Start(EventLoop& loop, TrialChild child, Duration limit,
                                                      Done done) {
  std::unique_ptr<TrialProbe> probe(new TrialProbe(loop, std::move(child), std::move(done)));
  Status status = probe->exit_watch_.Want(Interest::kRead);
  if (status.Ok()) status = probe->output_watch_.Want(Interest::kRead);
  if (!status.Ok()) return status.Err();
  probe->deadline_.SetAfter(limit);
  return probe;
}

TrialProbe::TrialProbe(EventLoop& loop, TrialChild child, Done done)
    : child_(std::move(child)),
      pid_(child_.Pid()),
      done_(std::move(done)),
      exit_watch_(loop, child_.PidFd(), EventLoop::kPriorityControl, [this](Interest) { OnExit(); }),
      output_watch_(loop, child_.Output(), EventLoop::kPriorityControl, [this](Interest) { OnOutput(); }),
      // OnExit follows when it has exited.
      deadline_(loop, EventLoop::kPriorityControl, [this] { child_.GiveUp(); }) {}

void TrialProbe::OnOutput() {
  if (!child_.Read()) output_watch_.Stop();
}

bool TrialProbe::OnChildExit(pid_t pid) {
  if (pid != pid_ || done_ == nullptr) return false;
  OnExit();
  return true;
}

void TrialProbe::OnExit() {
  if (!child_.HasExited()) return;
  exit_watch_.Stop();
  output_watch_.Stop();
  deadline_.Cancel();
  const Done done = std::exchange(done_, nullptr);
  done(child_.Finish());  // may destroy this: last statement
}

Result<TrialEnd> AwaitTrial(TrialChild child, Duration limit) {
  const Time deadline = Now() + limit;
  std::array<pollfd, 2> both = {pollfd{child.PidFd(), POLLIN, 0}, pollfd{child.Output(), POLLIN, 0}};
  for (bool given_up = false; !child.HasExited();) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Now()).count();
    if (left <= 0 && !std::exchange(given_up, true)) child.GiveUp();
    const int timeout = given_up ? -1 : static_cast<int>(left);  // killed: its end is near
    if (::poll(both.data(), both.size(), timeout) < 0 && errno != EINTR) return SysError("poll");
    if (both[1].revents != 0 && !child.Read()) both[1].fd = -1;  // poll(2) leaves it out
  }
  return child.Finish();
}

}  // namespace preforkd
