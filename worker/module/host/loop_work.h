// LoopWork: the timers and watches of one state of a module. Owned by its pfd_service. A module holds plain
// pointers to them: a timer ends with its call or by Cancel, a watch by Unwatch, all by the end of the
// worker.
//
// Loop thread only. Functions of the module are called guarded (module_call.h).
#ifndef PREFORKD_WORKER_MODULE_HOST_LOOP_WORK_H_
#define PREFORKD_WORKER_MODULE_HOST_LOOP_WORK_H_

#include <cstdint>
#include <list>

#include "common/base/clock.h"
#include "common/event/fd_watch.h"
#include "common/event/timer.h"
#include "worker/api/module.h"

// At global scope, because module.h names them. For LoopWork only.
struct pfd_timer {
  using Call = void (*)(void*);
  pfd_timer(pfd_service& owner, Call function, void* value);

  pfd_service& service;
  Call call;
  void* argument;
  bool called = false;                     // its call runs, or is over: it is not to be cancelled any more
  std::list<pfd_timer>::iterator place{};  // of itself
  preforkd::Timer timer;
};

struct pfd_watch {
  using Call = void (*)(void*, std::uint32_t);
  pfd_watch(pfd_service& owner, int fd, Call function, void* value);

  pfd_service& service;
  Call call;
  void* argument;
  std::list<pfd_watch>::iterator place{};  // of itself
  preforkd::FdWatch watch;
};

namespace preforkd::module {

class LoopWork {
 public:
  explicit LoopWork(pfd_service& service) : service_(service) {}
  LoopWork(const LoopWork&) = delete;
  LoopWork& operator=(const LoopWork&) = delete;

  // Calls `call(argument)` once. nullptr: no memory.
  pfd_timer* After(Duration delay, pfd_timer::Call call, void* argument);
  // No effect inside the timer's own call.
  void Cancel(pfd_timer& timer);
  // Calls `call(argument, ready)` whenever `fd` is ready. nullptr: it cannot be watched.
  pfd_watch* Watch(int fd, Interest interest, pfd_watch::Call call, void* argument);
  // Also inside the watch's own call.
  void Unwatch(pfd_watch& watch);

 private:
  friend struct ::pfd_timer;
  // The time of `timer` has come: calls, and destroys it.
  void Fire(pfd_timer& timer);

  pfd_service& service_;
  std::list<pfd_timer> timers_;
  std::list<pfd_watch> watches_;
};

}  // namespace preforkd::module

#endif
