// The service type `http`: serves the files in `root`, or the welcome page
// (pages/welcome_page.cc) if `root` is empty.
#ifndef PREFORKD_WORKER_SERVICES_HTTP_SERVICE_TYPE_H_
#define PREFORKD_WORKER_SERVICES_HTTP_SERVICE_TYPE_H_

#include "worker/connection/service.h"

namespace preforkd {

ServiceType HttpServiceType();

}  // namespace preforkd

#endif
