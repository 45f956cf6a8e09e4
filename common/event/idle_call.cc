#include "common/event/idle_call.h"

#include <event2/event.h>

#include <utility>

namespace preforkd {

IdleCall::IdleCall(EventLoop& loop, std::function<void()> callback, int priority)
    : callback_(std::move(callback)) {
  ::event_assign(&event_, loop.Base(), -1, 0, &IdleCall::OnEvent, this);
  // The loop runs the active events of the highest priority that has any, including those that become active
  // meanwhile, and then looks for new events.
  ::event_priority_set(&event_, priority);
}

IdleCall::~IdleCall() { ::event_del(&event_); }

void IdleCall::Request() {
  if (std::exchange(requested_, true)) return;
  ::event_active(&event_, EV_TIMEOUT, 0);
}

void IdleCall::OnEvent(int, short, void* self) {
  auto& call = *static_cast<IdleCall*>(self);
  call.requested_ = false;
  call.callback_();  // may have destroyed the object: must be the last statement
}

}  // namespace preforkd
