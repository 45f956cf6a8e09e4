// OwnPreload: a worker loads for itself what it should share. It does so if the file of its module was
// written over since that has preloaded: the data may be laid out in another way. And while an upgrade runs:
// the areas of the program before it are gone.
#ifndef PREFORKD_WORKER_MODULE_OWN_PRELOAD_H_
#define PREFORKD_WORKER_MODULE_OWN_PRELOAD_H_

#include <string>

#include "common/base/result.h"
#include "worker/api/module.h"

namespace preforkd {

// Makes sure that `service` has preloaded data (WorkerEnv::preloads) that its module understands. `mark`: the
// ModuleMark of the file of `table`; empty: not known. Runs the user's code. Precondition: HasPreload(table).
Status EnsurePreloaded(const pfd_module& table, const pfd_host& host, pfd_service& service,
                       const std::string& mark);

}  // namespace preforkd

#endif
