#include "worker/http/http_service_type.h"

#include <memory>
#include <utility>

#include "worker/http/http_service.h"
#include "worker/http/static_files.h"
#include "worker/http/welcome_page.h"

namespace preforkd {
namespace {

Result<std::unique_ptr<Service>> MakeService(const ServiceConfig& config, WorkerEnv& env) {
  if (config.root.empty()) return MakeHttpService(config, MakeWelcomePage(env));
  Result<std::unique_ptr<HttpHandler>> files = MakeStaticFiles(config.root, config.index);
  if (!files.Ok()) return files.Err();
  return MakeHttpService(config, std::move(files).Value());
}

}  // namespace

ServiceType HttpServiceType() {
  return {&MakeService, true};
}

}  // namespace preforkd
