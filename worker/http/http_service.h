// HttpService: a service that speaks HTTP/1.1 and gets its answers from a handler. To register your own
// HttpHandler with only the settings of HTTP:
//
//   ServiceType{[](const ServiceConfig& config, WorkerEnv&) -> Result<std::unique_ptr<Service>> {
//                 return MakeHttpService(config, std::make_unique<MyHandler>());
//               }, /*client_speaks_first=*/true, CallSets{}, HttpSettingTable()}
#ifndef PREFORKD_WORKER_HTTP_HTTP_SERVICE_H_
#define PREFORKD_WORKER_HTTP_HTTP_SERVICE_H_

#include <memory>

#include "common/base/result.h"
#include "common/config/config.h"
#include "worker/connection/service.h"
#include "worker/http/answer/handler.h"
#include "worker/http/http_settings.h"

namespace preforkd {

// Luggage whose context begins with this byte is of a connection that has left HTTP: `next` opens its
// session, without the byte. The context of HTTP itself begins with a version, a small number
// (idle_context.h).
inline constexpr char kSwitchedMark = 'S';

// `next`: serves the connections whose handler has switched protocols (HttpResponse::SwitchProtocols).
// nullptr: no handler does. What its sessions pack must begin with kSwitchedMark.
std::unique_ptr<Service> MakeHttpService(const HttpSettings& settings,
                                         std::unique_ptr<RequestHandler> handler,
                                         std::unique_ptr<Service> next = nullptr);
// For a type that declares HttpSettingTable(): uses the limits and timeouts in `config`.
std::unique_ptr<Service> MakeHttpService(const ServiceConfig& config, std::unique_ptr<RequestHandler> handler,
                                         std::unique_ptr<Service> next = nullptr);
// For a type that declares PlacedHttpSettingTable() and PlaceTables() (place/place_settings.h): `handler`
// answers where no place of the service does. Error: a place cannot be used, because of its root for example.
Result<std::unique_ptr<Service>> MakePlacedHttpService(const ServiceConfig& config, WorkerEnv& env,
                                                       std::unique_ptr<RequestHandler> handler,
                                                       std::unique_ptr<Service> next = nullptr);

}  // namespace preforkd

#endif
