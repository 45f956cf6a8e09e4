#include "common/event/event_loop.h"

#include <event2/event.h>

#include "common/base/sys_error.h"
#include "common/event/event_memory.h"

namespace preforkd {
namespace {

// The maximum number of callbacks before the loop looks for new events: control events never wait for more
// than this many clients.
constexpr int kMaxCallbacksPerTurn = 256;

}  // namespace

Result<EventLoop> EventLoop::Create() {
  KeepDescriptorEntriesApart();
  event_config* config = ::event_config_new();
  if (config == nullptr) return Error{"event_config_new: out of memory", 0};
  ::event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV);
  // The limits apply to priorities >= the last argument: the clients'.
  ::event_config_set_max_dispatch_interval(config, nullptr, kMaxCallbacksPerTurn, kPriorityClient);
  event_base* base = ::event_base_new_with_config(config);
  ::event_config_free(config);
  if (base == nullptr) return SysError("event_base_new_with_config");
  if (::event_base_priority_init(base, kPriorityIdle + 1) != 0) {
    ::event_base_free(base);
    return Error{"event_base_priority_init failed", 0};
  }
  return EventLoop(base);
}

EventLoop::EventLoop(EventLoop&& other) noexcept : base_(other.base_) { other.base_ = nullptr; }

EventLoop::~EventLoop() {
  if (base_ != nullptr) ::event_base_free(base_);
}

Status EventLoop::Run() {
  if (::event_base_loop(base_, EVLOOP_NO_EXIT_ON_EMPTY) < 0) return SysError("event_base_loop");
  return {};
}

Status EventLoop::RunOnce() {
  if (::event_base_loop(base_, EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY) < 0) return SysError("event_base_loop");
  return {};
}

void EventLoop::Stop() { ::event_base_loopbreak(base_); }

}  // namespace preforkd
