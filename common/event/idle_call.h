// IdleCall: calls back when the loop has nothing else to do: no client is ready, no timer due, no command
// waiting. While there always is something, it is not called at all: who must not wait for ever sets a Timer
// beside it.
//
// With the priority of clients instead: once behind all clients who are ready in this turn of the loop, if it
// is asked for in the callback of one of them.
#ifndef PREFORKD_COMMON_EVENT_IDLE_CALL_H_
#define PREFORKD_COMMON_EVENT_IDLE_CALL_H_

#include <event2/event_struct.h>

#include <functional>

#include "common/event/event_loop.h"

namespace preforkd {

class IdleCall {
 public:
  IdleCall(EventLoop& loop, std::function<void()> callback, int priority = EventLoop::kPriorityIdle);
  IdleCall(const IdleCall&) = delete;
  IdleCall& operator=(const IdleCall&) = delete;
  ~IdleCall();

  // One call from now on, however often it is asked for until then. Costs no system call, and the loop's next
  // look for events does not wait.
  void Request();

 private:
  static void OnEvent(int fd, short what, void* self);

  std::function<void()> callback_;
  bool requested_ = false;
  event event_{};
};

}  // namespace preforkd

#endif
