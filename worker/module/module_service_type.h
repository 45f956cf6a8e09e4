// The service type "module": services of a user's shared object.
#ifndef PREFORKD_WORKER_MODULE_MODULE_SERVICE_TYPE_H_
#define PREFORKD_WORKER_MODULE_MODULE_SERVICE_TYPE_H_

#include "worker/connection/service.h"

namespace preforkd {

ServiceType ModuleServiceType();

}  // namespace preforkd

#endif
