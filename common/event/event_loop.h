// EventLoop: owns one libevent event_base. One for each process. The child of a fork makes its own and never
// uses the inherited one, whose descriptors it closes without telling epoll (child_setup.cc).
//
// common/event is the only package that includes libevent. The changelist is off and the environment ignored:
// with duplicated descriptors, and passing a descriptor duplicates it, the changelist loses events
// (event2/event.h, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST).
#ifndef PREFORKD_COMMON_EVENT_EVENT_LOOP_H_
#define PREFORKD_COMMON_EVENT_EVENT_LOOP_H_

#include "common/base/result.h"

struct event_base;

namespace preforkd {

class EventLoop {
 public:
  // The channel, signals and supervision run before clients, so that many clients do not delay a command.
  // IdleCall callbacks run when nothing else is to be done.
  static constexpr int kPriorityControl = 0;
  static constexpr int kPriorityClient = 1;
  static constexpr int kPriorityIdle = 2;

  static Result<EventLoop> Create();
  EventLoop(EventLoop&& other) noexcept;
  EventLoop& operator=(EventLoop&&) = delete;
  ~EventLoop();

  // Runs until Stop(). Error: the wait failed (epoll_wait, for another reason than EINTR).
  Status Run();
  // Waits once, at most until the earliest timer, and runs the callbacks that are due.
  Status RunOnce();
  // Makes Run() return after the callbacks of this turn.
  void Stop();

  // For the wrappers in this folder only.
  [[nodiscard]] event_base* Base() const { return base_; }

 private:
  explicit EventLoop(event_base* base) : base_(base) {}
  event_base* base_;
};

}  // namespace preforkd

#endif
