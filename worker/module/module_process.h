// The life of a process that is thrown away: it runs the code of one module, as a worker of its pool would,
// and sends one answer to the master, which must not run it itself. WorkerStart::channel is the write end of
// a pipe.
#ifndef PREFORKD_WORKER_MODULE_MODULE_PROCESS_H_
#define PREFORKD_WORKER_MODULE_MODULE_PROCESS_H_

#include <functional>
#include <string>

#include "common/base/result.h"
#include "common/process/worker_start.h"

namespace preforkd {

// `begin` runs while the descriptors of the master are open; it may be empty. Then the process is set up like
// a worker (identity, environment, root, limits), and writes what `answer` returns. If it cannot be set up,
// WorkerRow::startup says why and the process exits with WorkerExit::kStartFailed. It may also crash, hang or
// end in the module.
WorkerEntry MakeModuleProcess(std::function<Status(const WorkerStart&)> begin,
                              std::function<std::string(const WorkerStart&)> answer);

}  // namespace preforkd

#endif
