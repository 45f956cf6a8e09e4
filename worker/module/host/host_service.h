// What the server offers to a state of a module (pfd_host, "the service"): log, settings, place, counters,
// and calls into the loop. module.h says what each does. All may be called from any thread, and none throws.
#ifndef PREFORKD_WORKER_MODULE_HOST_HOST_SERVICE_H_
#define PREFORKD_WORKER_MODULE_HOST_HOST_SERVICE_H_

#include <cstddef>
#include <cstdint>

#include "worker/api/module.h"

namespace preforkd::module {

// Of one line of a module. More would fill the log's pipe; what is longer is cut.
inline constexpr std::size_t kMaxSaid = 4096;

void HostLog(pfd_service* service, int level, pfd_str text);
pfd_str HostText(pfd_service* service, const char* name);
std::uint64_t HostNumber(pfd_service* service, const char* name);
void HostPlace(pfd_service* service, pfd_place* place);
void HostCount(pfd_service* service, std::uint32_t counter, std::uint64_t amount);
// Also -EINVAL: `call` is NULL; -ENOMEM.
int HostPost(pfd_service* service, void (*call)(void*), void* argument);

}  // namespace preforkd::module

#endif
