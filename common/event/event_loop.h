// EventLoop: owns one libevent event_base. One a process; the child of a fork makes its own and never
// touches the one it inherited (descriptors of which it closes without telling epoll: child_setup.cc).
//
// common/event is the only package that sees libevent. The changelist is off and the environment ignored:
// with duplicated descriptors, and passing one is duplicating it, the changelist loses events
// (event2/event.h, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST).
#ifndef PREFORKD_COMMON_EVENT_EVENT_LOOP_H_
#define PREFORKD_COMMON_EVENT_EVENT_LOOP_H_

#include "common/base/result.h"

struct event_base;

namespace preforkd {

class EventLoop {
 public:
  // The channel, signals and supervision are run before clients, so that a flood of clients delays no
  // command; what can wait (IdleCall) when neither has anything to do.
  static constexpr int kPriorityControl = 0;
  static constexpr int kPriorityClient = 1;
  static constexpr int kPriorityIdle = 2;

  static Result<EventLoop> Create();
  EventLoop(EventLoop&& other) noexcept;
  EventLoop& operator=(EventLoop&&) = delete;
  ~EventLoop();

  // Runs until Stop(). Error when the wait itself breaks (epoll_wait failed for another reason than EINTR).
  Status Run();
  // One wait (bounded by the earliest timer) and what it woke.
  Status RunOnce();
  // Makes Run() return after the callbacks of this turn.
  void Stop();

  // For the wrappers beside this file only.
  [[nodiscard]] event_base* Base() const { return base_; }

 private:
  explicit EventLoop(event_base* base) : base_(base) {}
  event_base* base_;
};

}  // namespace preforkd

#endif
