// The service type `http`: serves files, by host and path (place/). Without any root, host and location it is
// the welcome page (pages/welcome_page.cc).
#ifndef PREFORKD_WORKER_SERVICES_HTTP_SERVICE_TYPE_H_
#define PREFORKD_WORKER_SERVICES_HTTP_SERVICE_TYPE_H_

#include "worker/connection/service.h"

namespace preforkd {

ServiceType HttpServiceType();

}  // namespace preforkd

#endif
