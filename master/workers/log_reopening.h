// LogReopening: has every worker switch to the new log files, and reports when all have.
//
// A worker whose channel has no room is told as soon as it has. A stuck worker delays the report by at most
// kTimeout and is named in it; it still switches as soon as it reads its messages.
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
  // Sends the new files to one worker.
  using Tell = std::function<Telling(WorkerId worker, std::uint64_t round)>;
  // Success, or an error that names the slots that have not answered. Called once, from inside Begin or from
  // the loop.
  using Done = std::function<void(Status)>;

  LogReopening(EventLoop& loop, Tell tell);

  // Starts a round for `workers`; it replaces a round that has not ended.
  void Begin(const std::vector<WorkerId>& workers, Done done);
  // The worker has switched to the files of `round`.
  void OnReopened(WorkerId worker, std::uint64_t round);
  // The worker has exited or retires: it needs no new files.
  void OnGone(WorkerId worker);
  // A `done` has not been called yet.
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
