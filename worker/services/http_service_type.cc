#include "worker/services/http_service_type.h"

#include <memory>
#include <utility>

#include "worker/http/answer/error_page.h"
#include "worker/http/http_service.h"
#include "worker/http/http_settings.h"
#include "worker/http/place/place_settings.h"
#include "worker/module/module_service_type.h"
#include "worker/services/pages/pages.h"

namespace preforkd {
namespace {

// For a place without a root.
class NothingThere final : public HttpHandler {
 public:
  [[nodiscard]] BodyUse UseOfBody(const HttpRequest&) const override { return BodyUse::kNone; }
  void Handle(const HttpRequest&, HttpResponse& response) override { AnswerStatus(response, 404); }
};

Result<std::unique_ptr<Service>> MakeService(const ServiceConfig& config, WorkerEnv& env) {
  const bool welcome = config.settings.Text("root").empty() && config.tables.empty();
  if (welcome) return MakeLinkedModule(*preforkd_welcome_page(), config, env);
  return MakePlacedHttpService(config, env, std::make_unique<NothingThere>());
}

}  // namespace

ServiceType HttpServiceType() {
  return {&MakeService, true, CallSets{}, PlacedHttpSettingTable(), PlaceTables(), &CheckPlaces};
}

}  // namespace preforkd
