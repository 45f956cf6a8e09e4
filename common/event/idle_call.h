// IdleCall: calls back when the loop has nothing else to do: no client is ready, no timer is due, no command
// waits. While there is always something to do, it is never called; set a Timer beside it if that must not
// last.
//
// With the priority of clients instead: called once behind all clients that are ready in this turn of the
// loop, if it is requested in the callback of one of them.
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

  // Requests one call; further requests until then change nothing. Costs no system call, and makes the loop's
  // next wait return at once.
  void Request();

 private:
  static void OnEvent(int fd, short what, void* self);

  std::function<void()> callback_;
  bool requested_ = false;
  event event_{};
};

}  // namespace preforkd

#endif
