// What the server offers to a state of a module (pfd_host, "the loop"): timers, and watches of descriptors.
// module.h says what each does. Loop thread only: in another one they do nothing, and the log says so.
#ifndef PREFORKD_WORKER_MODULE_HOST_HOST_LOOP_H_
#define PREFORKD_WORKER_MODULE_HOST_HOST_LOOP_H_

#include <cstdint>

#include "worker/api/module.h"

namespace preforkd::module {

// Also NULL: `call` is NULL, or the thread is wrong.
pfd_timer* HostAfter(pfd_service* service, std::uint64_t nanoseconds, void (*call)(void*), void* argument);
// No effect inside the timer's own call, or for NULL.
void HostCancel(pfd_timer* timer);
// Also NULL: `call` is NULL, `interest` has neither bit or others, or the thread is wrong.
pfd_watch* HostWatch(pfd_service* service, int fd, std::uint32_t interest, void (*call)(void*, std::uint32_t),
                     void* argument);
// No effect for NULL.
void HostUnwatch(pfd_watch* watch);

}  // namespace preforkd::module

#endif
