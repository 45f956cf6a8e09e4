// PreloadModule: a process that is thrown away opens one module, and has it fill the memory that the workers
// of its service will share.
#ifndef PREFORKD_WORKER_MODULE_PRELOAD_MODULE_H_
#define PREFORKD_WORKER_MODULE_PRELOAD_MODULE_H_

#include "common/process/worker_start.h"

namespace preforkd {

// See module_process.h. `services` has one service, and `preloads` its area. The answer is an
// EncodePreload().
WorkerEntry MakeModulePreloader();

}  // namespace preforkd

#endif
