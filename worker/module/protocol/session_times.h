// SessionTimes: the two times that a session of a module's protocol may set: its idle timeout, which begins
// again with each sign of life of the client, and a deadline. Pure: the caller passes the time and owns the
// timer.
#ifndef PREFORKD_WORKER_MODULE_PROTOCOL_SESSION_TIMES_H_
#define PREFORKD_WORKER_MODULE_PROTOCOL_SESSION_TIMES_H_

#include <algorithm>

#include "common/base/clock.h"

namespace preforkd::module {

class SessionTimes {
 public:
  explicit SessionTimes(Time now) : progress_(now) {}

  // Each replaces the earlier one; 0: none.
  void SetIdle(Duration idle, Time now) {
    idle_ = idle;
    idle_until_ = After(idle, now);
  }
  void SetDeadline(Duration delay, Time now) { deadline_ = After(delay, now); }
  // The client has sent something, or has taken output that waited. The idle timeout begins again, also if it
  // was over.
  void Progress(Time now) {
    progress_ = now;
    idle_until_ = After(idle_, now);
  }
  // Output begins to wait: the client is expected to take it from now on.
  void Expect(Time now) { progress_ = now; }
  // Ends what is due, and returns whether anything was. An idle timeout that was over runs again after
  // Progress.
  bool TakeDue(Time now) {
    const Time due = now + kEarly;
    const bool any = Next() <= due;
    if (idle_until_ <= due) idle_until_ = kNone;
    if (deadline_ <= due) deadline_ = kNone;
    return any;
  }

  // The earlier of both; kNone if neither runs.
  [[nodiscard]] Time Next() const { return std::min(idle_until_, deadline_); }
  [[nodiscard]] bool IdleRuns() const { return idle_until_ != kNone; }
  [[nodiscard]] bool DeadlineRuns() const { return deadline_ != kNone; }
  [[nodiscard]] Time IdleUntil() const { return idle_until_; }
  // The last sign of life.
  [[nodiscard]] Time LastProgress() const { return progress_; }

  static constexpr Time kNone = Time::max();

 private:
  // The loop's timers may be that early (common/event/timer.cc).
  static constexpr Duration kEarly = std::chrono::milliseconds(1);

  static Time After(Duration delay, Time now) { return delay > Duration(0) ? now + delay : kNone; }

  Duration idle_{0};
  Time idle_until_ = kNone;
  Time deadline_ = kNone;
  Time progress_;
};

}  // namespace preforkd::module

#endif
