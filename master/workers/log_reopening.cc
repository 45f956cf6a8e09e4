#include "master/workers/log_reopening.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace preforkd {
namespace {

// Retry interval while a channel has no room.
constexpr Duration kRetryInterval = std::chrono::milliseconds(20);

}  // namespace

LogReopening::LogReopening(EventLoop& loop, Tell tell)
    : tell_(std::move(tell)), timer_(loop, EventLoop::kPriorityControl, [this] { OnTimer(); }) {}

void LogReopening::Begin(const std::vector<WorkerId>& workers, Done done) {
  round_.Begin(workers);
  waiters_.push_back({Now() + kTimeout, std::move(done)});
  TellUntold();
  AnswerIfEnded();
}

void LogReopening::OnReopened(WorkerId worker, std::uint64_t round) {
  round_.Reopened(worker, round);
  AnswerIfEnded();
}

void LogReopening::OnGone(WorkerId worker) {
  round_.Gone(worker);
  AnswerIfEnded();
}

void LogReopening::TellUntold() {
  for (const WorkerId& worker : round_.Untold()) {
    switch (tell_(worker, round_.Number())) {
      case Telling::kTold: round_.Told(worker); break;
      case Telling::kNoRoom: break;
      case Telling::kGone: round_.Gone(worker); break;
    }
  }
}

void LogReopening::AnswerIfEnded() {
  if (round_.Ended()) {
    // Exchanged first: a callback may begin the next round.
    for (Waiter& waiter : std::exchange(waiters_, {})) waiter.done({});
  }
  ArmTimer();
}

void LogReopening::OnTimer() {
  TellUntold();
  const Time now = Now();
  while (!round_.Ended() && !waiters_.empty() && waiters_.front().deadline <= now) {
    const Waiter late = std::move(waiters_.front());
    waiters_.erase(waiters_.begin());
    late.done(
        Error{fmt::format("timed out after {:.0f} s waiting for {}", Seconds(kTimeout), round_.Missing())});
  }
  AnswerIfEnded();
}

void LogReopening::ArmTimer() {
  if (round_.Ended() || (waiters_.empty() && round_.Untold().empty())) return timer_.Cancel();
  Time next = waiters_.empty() ? Time::max() : waiters_.front().deadline;
  if (!round_.Untold().empty()) next = std::min(next, Now() + kRetryInterval);
  timer_.SetAt(next);
}

}  // namespace preforkd
