// The table of what the server offers to modules.
#ifndef PREFORKD_WORKER_MODULE_HOST_TABLE_H_
#define PREFORKD_WORKER_MODULE_HOST_TABLE_H_

#include "worker/api/module.h"

namespace preforkd::module {

// Static; the same for all modules of this process.
const pfd_host& HostTable();

}  // namespace preforkd::module

#endif
