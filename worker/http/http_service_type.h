// The service type `http`: the files of `root`, or the welcome page when there is none.
#ifndef PREFORKD_WORKER_HTTP_HTTP_SERVICE_TYPE_H_
#define PREFORKD_WORKER_HTTP_HTTP_SERVICE_TYPE_H_

#include "worker/connection/service.h"

namespace preforkd {

ServiceType HttpServiceType();

}  // namespace preforkd

#endif
