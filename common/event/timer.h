// Timer: one callback at one time, on the monotonic clock, with the granularity of the coarse clock (1 to 4
// ms). Its destructor cancels it.
//
// Moving the deadline further away costs nothing: the armed timer fires at the old time, sees that it is
// early, and arms itself for the rest. So a timeout for each request is affordable.
#ifndef PREFORKD_COMMON_EVENT_TIMER_H_
#define PREFORKD_COMMON_EVENT_TIMER_H_

#include <event2/event_struct.h>

#include <functional>
#include <optional>

#include "common/base/clock.h"
#include "common/event/event_loop.h"

namespace preforkd {

class Timer {
 public:
  using Callback = std::function<void()>;

  // `callback` may destroy the timer, or set it again.
  Timer(EventLoop& loop, int priority, Callback callback);
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() { Disarm(); }

  void SetAt(Time deadline) { SetAt(deadline, Now()); }
  // `now`: for callers that have read the clock already.
  void SetAt(Time deadline, Time now);
  void SetAfter(Duration delay);
  void Cancel() { deadline_.reset(); }
  [[nodiscard]] bool Pending() const { return deadline_.has_value(); }

 private:
  static void OnEvent(int fd, short what, void* self);
  void Fire();
  void Arm(Time deadline, Time now);
  void Disarm();

  Callback callback_;
  std::optional<Time> deadline_;   // as set by the owner
  std::optional<Time> armed_for_;  // as armed in libevent; never later than deadline_ while that is set
  event event_{};
};

}  // namespace preforkd

#endif
