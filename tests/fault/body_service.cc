#include "tests/fault/body_service.h"

#include <memory>
#include <string>

#include "worker/http/http_service.h"

namespace preforkd::testing {
namespace {

constexpr std::size_t kLong = 4 * 1024 * 1024;

class BodyHandler final : public HttpHandler {
 public:
  void Handle(const HttpRequest& request, HttpResponse& response) override {
    response.SetContentType("text/plain");
    if (request.path == "/long") {
      response.Body().assign(kLong, 'x');
    } else {
      response.Body() = std::to_string(request.body.size()) + " bytes\n";
    }
  }
};

Result<std::unique_ptr<Service>> MakeBodyService(const ServiceConfig& config, WorkerEnv&) {
  return MakeHttpService(config, std::make_unique<BodyHandler>());
}

}  // namespace

ServiceType BodyServiceType() {
  return {&MakeBodyService, /*client_speaks_first=*/true, CallSets{}, HttpSettingTable()};
}

}  // namespace preforkd::testing
