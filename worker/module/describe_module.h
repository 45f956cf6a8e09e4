// DescribeModule: a process that is thrown away opens one module and sends what that declares to the master.
#ifndef PREFORKD_WORKER_MODULE_DESCRIBE_MODULE_H_
#define PREFORKD_WORKER_MODULE_DESCRIBE_MODULE_H_

#include "common/process/worker_start.h"

namespace preforkd {

// See module_process.h. `services` has one service, of which only the path is used. The answer is an
// EncodeModule().
WorkerEntry MakeModuleDescriber();

}  // namespace preforkd

#endif
