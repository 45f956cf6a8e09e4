#include "worker/module/host/host_loop.h"

#include "worker/module/host/module_call.h"
#include "worker/module/host/module_state.h"
#include "worker/module/host/values.h"

namespace preforkd::module {
namespace {

static_assert(PFD_READ == static_cast<unsigned>(Interest::kRead));
static_assert(PFD_WRITE == static_cast<unsigned>(Interest::kWrite));
constexpr std::uint32_t kBoth = PFD_READ | PFD_WRITE;

}  // namespace

pfd_timer* HostAfter(pfd_service* service, std::uint64_t nanoseconds, void (*call)(void*), void* argument) {
  if (call == nullptr || !CheckLoopThread(*service, "after")) return nullptr;
  return service->work.After(ToDuration(nanoseconds), call, argument);
}

void HostCancel(pfd_timer* timer) {
  if (timer == nullptr || !CheckLoopThread(timer->service, "cancel")) return;
  timer->service.work.Cancel(*timer);
}

pfd_watch* HostWatch(pfd_service* service, int fd, std::uint32_t interest, void (*call)(void*, std::uint32_t),
                     void* argument) {
  if (call == nullptr || fd < 0 || interest == 0 || (interest & ~kBoth) != 0) return nullptr;
  if (!CheckLoopThread(*service, "watch")) return nullptr;
  return service->work.Watch(fd, static_cast<Interest>(interest), call, argument);
}

void HostUnwatch(pfd_watch* watch) {
  if (watch == nullptr || !CheckLoopThread(watch->service, "unwatch")) return;
  watch->service.work.Unwatch(*watch);
}

}  // namespace preforkd::module
