// LogReopening: sees to it that every worker writes to the new log files, and says when that is so.
//
// A worker whose channel has no room is told as soon as it has; one that is stuck delays the answer for at
// most kTimeout, and is named in it. It writes to the new files all the same, as soon as it takes its
// messages.
#ifndef PREFORKD_MASTER_WORKERS_LOG_REOPENING_H_
#define PREFORKD_MASTER_WORKERS_LOG_REOPENING_H_

#include <functional>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/event/event_loop.h"
#include "common/event/timer.h"
#include "master/policy/reopen_round.h"

namespace preforkd {

class LogReopening {
 public:
  static constexpr Duration kTimeout = std::chrono::seconds(5);

  enum class Telling { kTold, kNoRoom, kGone };
  using Tell = std::function<Telling(WorkerId worker, std::uint64_t round)>;
  // Success, or who has not answered. Called once, from the loop or from inside Begin.
  using Done = std::function<void(Status)>;

  LogReopening(EventLoop& loop, Tell tell);

  void Begin(const std::vector<WorkerId>& workers, Done done);
  // What workers do.
  void OnReopened(WorkerId worker, std::uint64_t round);
  void OnGone(WorkerId worker);
  // Somebody waits.
  [[nodiscard]] bool Busy() const { return !waiters_.empty(); }

 private:
  struct Waiter {
    Time deadline;
    Done done;
  };

  void TellUntold();
  void AnswerIfEnded();
  void OnTimer();
  void ArmTimer();

  Tell tell_;
  ReopenRound round_;
  std::vector<Waiter> waiters_;  // oldest first
  Timer timer_;
};

}  // namespace preforkd

#endif
