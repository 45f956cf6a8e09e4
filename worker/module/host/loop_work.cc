#include "worker/module/host/loop_work.h"

#include <new>

#include "worker/module/host/module_call.h"
#include "worker/module/host/module_state.h"

using preforkd::EventLoop;
using preforkd::Interest;

pfd_timer::pfd_timer(pfd_service& owner, Call function, void* value)
    : service(owner),
      call(function),
      argument(value),
      timer(owner.env.loop, EventLoop::kPriorityClient, [this] { service.work.Fire(*this); }) {}

pfd_watch::pfd_watch(pfd_service& owner, int fd, Call function, void* value)
    : service(owner),
      call(function),
      argument(value),
      watch(owner.env.loop, fd, EventLoop::kPriorityClient, [this](Interest ready) {
        // The call may unwatch it: nothing of it is used behind the call.
        preforkd::module::CallModule(service, "watch", [function = call, value = argument, ready] {
          function(value, static_cast<std::uint32_t>(ready));
        });
      }) {}

namespace preforkd::module {

pfd_timer* LoopWork::After(Duration delay, pfd_timer::Call call, void* argument) {
  try {
    const auto place = timers_.emplace(timers_.end(), service_, call, argument);
    place->place = place;
    place->timer.SetAfter(delay);
    return &*place;
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

void LoopWork::Cancel(pfd_timer& timer) {
  if (!timer.called) timers_.erase(timer.place);
}

void LoopWork::Fire(pfd_timer& timer) {
  timer.called = true;
  CallModule(service_, "timer", [&timer] { timer.call(timer.argument); });
  timers_.erase(timer.place);
}

pfd_watch* LoopWork::Watch(int fd, Interest interest, pfd_watch::Call call, void* argument) {
  try {
    const auto place = watches_.emplace(watches_.end(), service_, fd, call, argument);
    place->place = place;
    if (place->watch.Want(interest).Ok()) return &*place;
    watches_.erase(place);
  } catch (const std::bad_alloc&) {
    // As if the kernel had none.
  }
  return nullptr;
}

void LoopWork::Unwatch(pfd_watch& watch) { watches_.erase(watch.place); }

}  // namespace preforkd::module
