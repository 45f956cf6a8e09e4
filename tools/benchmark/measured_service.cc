#include "tools/benchmark/measured_service.h"

#include <cerrno>
#include <ctime>
#include <memory>

#include "tools/benchmark/measured_body.h"
#include "worker/http/http_service.h"

namespace preforkd::benchmark {
namespace {

void BlockFor50Milliseconds() {
  timespec rest{0, 50'000'000};
  while (::nanosleep(&rest, &rest) < 0 && errno == EINTR) {
  }
}

class MeasuredHandler final : public HttpHandler {
 public:
  void Handle(const HttpRequest& request, HttpResponse& response) override {
    if (request.path == "/block") BlockFor50Milliseconds();
    response.SetContentType("text/plain");
    response.Body().assign(kMeasuredBody);
  }
};

Result<std::unique_ptr<Service>> MakeService(const ServiceConfig& config, WorkerEnv&) {
  return MakeHttpService(config, std::make_unique<MeasuredHandler>());
}

}  // namespace

ServiceType MeasuredServiceType() {
  return {&MakeService, /*client_speaks_first=*/true, CallSets{}, HttpSettingTable()};
}

}  // namespace preforkd::benchmark
