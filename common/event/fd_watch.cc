#include "common/event/fd_watch.h"

#include <event2/event.h>

#include "common/base/sys_error.h"
#include "common/event/timeval.h"

namespace preforkd {

FdWatch::FdWatch(EventLoop& loop, int fd, int priority, Callback callback)
    : loop_(loop), fd_(fd), priority_(priority), callback_(std::move(callback)) {}

Status FdWatch::Want(Interest interest) { return Add(interest, nullptr); }

Status FdWatch::Want(Interest interest, Duration timeout) {
  const timeval interval = ToTimeval(timeout);
  return Add(interest, &interval);
}

Status FdWatch::Add(Interest interest, const timeval* timeout) {
  if (interest == wanted_) return {};
  if (interest == Interest::kNone) {
    Stop();
    return {};
  }
  // The new interest is added before the old one is removed: one EPOLL_CTL_MOD, which cannot fail for lack of
  // resources, instead of a DEL and an ADD that can.
  event bridge{};
  // libevent refuses a level and an edge for one descriptor.
  if (Has(interest, Interest::kHangUp) != Has(wanted_, Interest::kHangUp)) Stop();
  if (wanted_ != Interest::kNone) {
    Assign(bridge, interest);
    if (::event_add(&bridge, nullptr) != 0) return SysError("epoll_ctl");
    Stop();
  }
  Assign(event_, interest);
  const int added = ::event_add(&event_, timeout);
  if (event_initialized(&bridge)) ::event_del(&bridge);
  if (added != 0) return SysError("epoll_ctl");
  wanted_ = interest;
  return {};
}

void FdWatch::Assign(event& event, Interest interest) {
  short what = EV_PERSIST;
  if (Has(interest, Interest::kRead)) what = static_cast<short>(what | EV_READ);
  if (Has(interest, Interest::kWrite)) what = static_cast<short>(what | EV_WRITE);
  // Edge-triggered, because nobody reads: a level would be reported for ever. Not EV_CLOSED alone: libevent
  // reports a failed connection as readable and writable only, and epoll would then wake the loop in vain.
  if (Has(interest, Interest::kHangUp)) what = static_cast<short>(what | EV_READ | EV_ET);
  ::event_assign(&event, loop_.Base(), fd_, what, &FdWatch::OnEvent, this);
  ::event_priority_set(&event, priority_);
}

void FdWatch::Stop() {
  if (wanted_ == Interest::kNone) return;
  ::event_del(&event_);
  wanted_ = Interest::kNone;
}

void FdWatch::OnEvent(int, short what, void* self) {
  auto* watch = static_cast<FdWatch*>(self);
  Interest ready = Interest::kNone;
  const bool hang_up = Has(watch->wanted_, Interest::kHangUp);
  if ((what & EV_READ) != 0) ready = ready | (hang_up ? Interest::kHangUp : Interest::kRead);
  if ((what & EV_WRITE) != 0) ready = ready | Interest::kWrite;
  if ((what & EV_TIMEOUT) != 0) ready = ready | Interest::kTimeout;
  watch->callback_(ready);  // may have destroyed the watch: must be the last statement
}

}  // namespace preforkd
