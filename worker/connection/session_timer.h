// SessionTimer: the timer of one connection. It serves two deadlines, of which the first is optional: the
// time after which an idle connection may be parked, and that of its session.
//
// One timer for both, because every idle connection pays for it.
#ifndef PREFORKD_WORKER_CONNECTION_SESSION_TIMER_H_
#define PREFORKD_WORKER_CONNECTION_SESSION_TIMER_H_

#include <utility>

#include "common/base/clock.h"
#include "common/event/timer.h"

namespace preforkd {

class SessionTimer {
 public:
  // `on_fire` begins with Passed(). It may destroy the timer.
  SessionTimer(EventLoop& loop, Timer::Callback on_fire)
      : timer_(loop, EventLoop::kPriorityClient, std::move(on_fire)) {}

  enum class Deadline { kParking, kSession };

  void SetAfter(Duration session);
  // Precondition: `parking` comes first.
  void SetAfter(Duration parking, Duration session);
  void Cancel();
  // Which deadline has passed. After that of parking the timer runs again, for the session.
  [[nodiscard]] Deadline Passed();

 private:
  Timer timer_;
  Time session_{};  // while the timer runs for parking: what comes then; zero: it runs for the session
};

}  // namespace preforkd

#endif
