// The state of the whole server, as a module may show it (pfd_host, report). Any thread.
#ifndef PREFORKD_WORKER_MODULE_HOST_HOST_REPORT_H_
#define PREFORKD_WORKER_MODULE_HOST_HOST_REPORT_H_

#include <cstdint>

#include "worker/api/module.h"

namespace preforkd::module {

// Also -ENOMEM: an exception left `take`.
int HostReport(pfd_service* service, std::uint32_t what, void (*take)(void*, pfd_str), void* argument);

}  // namespace preforkd::module

#endif
