// SessionTimer: the timer of one connection. It serves two deadlines: the session's own and, optionally, an
// earlier one after which an idle connection is parked.
//
// It is one timer for both, because every idle connection pays for it. Connections that are to be parked at
// about the same time are parked together: a worker whose clients ask now and then would otherwise wake up
// once more for each of them.
#ifndef PREFORKD_WORKER_CONNECTION_SESSION_TIMER_H_
#define PREFORKD_WORKER_CONNECTION_SESSION_TIMER_H_

#include <utility>

#include "common/base/clock.h"
#include "common/event/timer.h"

namespace preforkd {

class SessionTimer {
 public:
  // `on_fire` must call Passed() first. It may destroy the timer.
  SessionTimer(EventLoop& loop, Timer::Callback on_fire)
      : timer_(loop, EventLoop::kPriorityClient, std::move(on_fire)) {}

  enum class Deadline { kParking, kSession };

  void SetAfter(Duration session);
  // Precondition: `parking` < `session`. For parking see ParkingTime.
  void SetAfter(Duration parking, Duration session, Time now);
  void Cancel();
  // When a connection is parked that is idle from `now` on: after `parking`, and up to a sixteenth of it or
  // 32 ms later, whichever is less; if it is below 16 ms, exactly then. Pure.
  [[nodiscard]] static Time ParkingTime(Time now, Duration parking);
  // Returns the deadline that has passed. After kParking the timer runs again, for the session's deadline.
  [[nodiscard]] Deadline Passed();

 private:
  Timer timer_;
  Time session_{};  // the session's deadline while the timer runs for parking; else zero
};

}  // namespace preforkd

#endif
