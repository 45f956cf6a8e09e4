// HttpService: the service that speaks HTTP/1.1 and leaves the answers to a handler. What a program registers
// that has an HttpHandler of its own:
//
//   ServiceType{[](const ServiceConfig& config, WorkerEnv&) -> Result<std::unique_ptr<Service>> {
//                 return MakeHttpService(config, std::make_unique<MyHandler>());
//               }, /*client_speaks_first=*/true}
#ifndef PREFORKD_WORKER_HTTP_HTTP_SERVICE_H_
#define PREFORKD_WORKER_HTTP_HTTP_SERVICE_H_

#include <memory>

#include "common/config/config.h"
#include "worker/http/handler.h"
#include "worker/service.h"

namespace preforkd {

// Limits and timeouts come from `config`.
std::unique_ptr<Service> MakeHttpService(const ServiceConfig& config, std::unique_ptr<HttpHandler> handler);

}  // namespace preforkd

#endif
