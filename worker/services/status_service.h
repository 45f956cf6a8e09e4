// The service type `status`: the server's state for people (`/`), for programs (`/status.json`, `/metrics`)
// and for load balancers (`/healthz`, `/readyz`).
#ifndef PREFORKD_WORKER_SERVICES_STATUS_SERVICE_H_
#define PREFORKD_WORKER_SERVICES_STATUS_SERVICE_H_

#include "worker/connection/service.h"

namespace preforkd {

ServiceType StatusServiceType();

}  // namespace preforkd

#endif
