#include "worker/services/status_service.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/report/metrics.h"
#include "common/report/readiness.h"
#include "worker/http/answer/error_page.h"
#include "worker/http/http_service.h"
#include "worker/http/syntax/conditional.h"
#include "worker/http/welcome_page.h"
#include "worker/services/dashboard_html.h"

namespace preforkd {
namespace {

void AnswerText(HttpResponse& response, int status, std::string_view text,
                std::string_view type = "text/plain; charset=utf-8") {
  response.SetStatus(status);
  response.SetContentType(type);
  response.AddHeader("Cache-Control", "no-store");
  response.Body().assign(text);
}

void AnswerDashboard(const HttpRequest& request, HttpResponse& response) {
  // The browser revalidates the page each time; its tag avoids sending it again.
  response.AddHeader("Cache-Control", "no-cache");
  response.AddHeader("ETag", kDashboardTag);
  switch (http::CheckPreconditions(request, {kDashboardTag, std::nullopt}, 0)) {
    case http::Precondition::kProceed: break;
    case http::Precondition::kNotModified: return response.SetStatus(304);
    case http::Precondition::kFailed: return AnswerStatus(response, 412);
  }
  response.SetContentType("text/html; charset=utf-8");
  response.AddHeader("Content-Security-Policy", kDashboardPolicy);
  response.AddHeader("X-Content-Type-Options", "nosniff");
  response.AddHeader("Referrer-Policy", "no-referrer");
  response.Body().assign(kDashboardHtml);
}

class StatusHandler final : public HttpHandler {
 public:
  explicit StatusHandler(const WorkerEnv& env) : env_(env) {}

  [[nodiscard]] BodyUse UseOfBody(const HttpRequest&) const override { return BodyUse::kNone; }

  void Handle(const HttpRequest& request, HttpResponse& response) override {
    if (!OnlyReading(request, response)) return;
    if (request.path == "/") return AnswerDashboard(request, response);
    if (request.path == "/status.json") return AnswerStatusJson(response, env_);
    if (request.path == "/metrics") {
      return AnswerText(response, 200, RenderMetrics(env_.scoreboard, Now()), kMetricsContentType);
    }
    if (request.path == "/healthz") return AnswerText(response, 200, "ok\n");
    if (request.path == "/readyz") {
      const std::string why_not = WhyNotReady(env_.scoreboard);
      if (why_not.empty()) return AnswerText(response, 200, "ready\n");
      return AnswerText(response, 503, "not ready: " + why_not + "\n");
    }
    AnswerStatus(response, 404);
  }

 private:
  const WorkerEnv& env_;
};

}  // namespace

ServiceType StatusServiceType() {
  const ServiceFactory factory = [](const ServiceConfig& config,
                                    WorkerEnv& env) -> Result<std::unique_ptr<Service>> {
    return MakeHttpService(config, std::make_unique<StatusHandler>(env));
  };
  return {factory, true, CallSets{}, HttpSettingTable()};
}

}  // namespace preforkd
