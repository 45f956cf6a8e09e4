// The service type `status`: what the server says about itself, for people (`/`), programs (`/status.json`,
// `/metrics`) and whoever decides where requests go (`/healthz`, `/readyz`).
#ifndef PREFORKD_WORKER_SERVICES_STATUS_SERVICE_H_
#define PREFORKD_WORKER_SERVICES_STATUS_SERVICE_H_

#include "worker/connection/service.h"

namespace preforkd {

ServiceType StatusServiceType();

}  // namespace preforkd

#endif
