// The service type "module": services of a user's shared object; and services of modules that are linked into
// the program, which differ in one thing only: where their table comes from.
#ifndef PREFORKD_WORKER_MODULE_MODULE_SERVICE_TYPE_H_
#define PREFORKD_WORKER_MODULE_MODULE_SERVICE_TYPE_H_

#include <memory>

#include "common/base/result.h"
#include "worker/api/module.h"
#include "worker/connection/service.h"

namespace preforkd {

ServiceType ModuleServiceType();
// The same with what a server of another version offers to its modules, for a test. `host` lives as long as
// the process.
ServiceType ModuleServiceType(const pfd_host& host);

// The type of a module that is part of the program: its settings are those of every HTTP service, and its
// own. Precondition: `table` is what CheckModule accepts, answers HTTP in the loop thread, declares no
// counters and no preload (the master knows those of shared objects only), and lives as long as the program.
ServiceType LinkedModuleType(const pfd_module& table);
// A service of it. `config` may have other settings as well.
Result<std::unique_ptr<Service>> MakeLinkedModule(const pfd_module& table, const ServiceConfig& config,
                                                  WorkerEnv& env);

}  // namespace preforkd

#endif
