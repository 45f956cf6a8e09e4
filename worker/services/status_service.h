// The service type `status`: the module of pages/status_page.cc, with the settings of every HTTP service.
#ifndef PREFORKD_WORKER_SERVICES_STATUS_SERVICE_H_
#define PREFORKD_WORKER_SERVICES_STATUS_SERVICE_H_

#include "worker/connection/service.h"

namespace preforkd {

ServiceType StatusServiceType();

}  // namespace preforkd

#endif
