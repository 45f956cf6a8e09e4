// DescribeModule: the life of a process that is thrown away. It opens one module, as a worker of its pool
// would, and sends what the module declares to the master, which must not run the user's code itself.
#ifndef PREFORKD_WORKER_MODULE_DESCRIBE_MODULE_H_
#define PREFORKD_WORKER_MODULE_DESCRIBE_MODULE_H_

#include "common/process/worker_start.h"

namespace preforkd {

// Like a worker's entry, but WorkerStart::channel is the write end of a pipe, and `services` has one service,
// of which only the path is used. Sets the process up as a worker (identity, environment, root, limits),
// opens the module and writes one EncodeModule(). If it cannot be set up, WorkerRow::startup says why and the
// process exits with WorkerExit::kStartFailed. It may also crash, hang or end in the module.
WorkerEntry MakeModuleDescriber();

}  // namespace preforkd

#endif
