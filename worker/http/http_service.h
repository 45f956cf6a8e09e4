// HttpService: the service that speaks HTTP/1.1 and leaves the answers to a handler. What a program registers
// that has an HttpHandler of its own, and no settings but those of HTTP:
//
//   ServiceType{[](const ServiceConfig& config, WorkerEnv&) -> Result<std::unique_ptr<Service>> {
//                 return MakeHttpService(config, std::make_unique<MyHandler>());
//               }, /*client_speaks_first=*/true, CallSets{}, HttpSettingTable()}
#ifndef PREFORKD_WORKER_HTTP_HTTP_SERVICE_H_
#define PREFORKD_WORKER_HTTP_HTTP_SERVICE_H_

#include <memory>

#include "common/config/config.h"
#include "worker/connection/service.h"
#include "worker/http/answer/handler.h"
#include "worker/http/http_settings.h"

namespace preforkd {

std::unique_ptr<Service> MakeHttpService(const HttpSettings& settings, std::unique_ptr<HttpHandler> handler);
// For a type that declares HttpSettingTable(): with the limits and timeouts of `config`.
std::unique_ptr<Service> MakeHttpService(const ServiceConfig& config, std::unique_ptr<HttpHandler> handler);

}  // namespace preforkd

#endif
