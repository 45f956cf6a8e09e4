#include "common/event/timer.h"

#include <event2/event.h>

#include "common/base/check.h"
#include "common/event/timeval.h"

namespace preforkd {

Timer::Timer(EventLoop& loop, int priority, Callback callback) : callback_(std::move(callback)) {
  ::event_assign(&event_, loop.Base(), -1, 0, &Timer::OnEvent, this);
  ::event_priority_set(&event_, priority);
}

void Timer::SetAt(Time deadline, Time now) {
  deadline_ = deadline;
  if (!armed_for_ || deadline < *armed_for_) Arm(deadline, now);
}

void Timer::SetAfter(Duration delay) {
  const Time now = Now();
  SetAt(now + delay, now);
}

void Timer::Arm(Time deadline, Time now) {
  const timeval interval = ToTimeval(deadline - now);
  PF_CHECK(::event_add(&event_, &interval) == 0,
           "a timer needs no system call and cannot fail but by memory");
  armed_for_ = deadline;
}

void Timer::Disarm() {
  if (armed_for_) ::event_del(&event_);
  armed_for_.reset();
}

void Timer::OnEvent(int, short, void* self) { static_cast<Timer*>(self)->Fire(); }

void Timer::Fire() {
  armed_for_.reset();
  if (!deadline_) return;
  // libevent's clock is the coarse one and may be a tick behind or ahead of ours.
  constexpr Duration kTick = std::chrono::milliseconds(1);
  const Time now = Now();
  if (*deadline_ > now + kTick) {
    Arm(*deadline_, now);
    return;
  }
  deadline_.reset();
  callback_();  // may have destroyed the timer: must be the last statement
}

}  // namespace preforkd
