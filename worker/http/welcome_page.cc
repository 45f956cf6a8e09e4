#include "worker/http/welcome_page.h"

#include "common/base/clock.h"
#include "common/report/status_json.h"
#include "worker/http/answer/error_page.h"
#include "worker/http/welcome_html.h"

namespace preforkd {
namespace {

class WelcomePage final : public HttpHandler {
 public:
  explicit WelcomePage(const WorkerEnv& env) : env_(env) {}

  [[nodiscard]] BodyUse UseOfBody(const HttpRequest&) const override { return BodyUse::kNone; }

  void Handle(const HttpRequest& request, HttpResponse& response) override {
    if (!OnlyReading(request, response)) return;
    if (request.path == "/") return AnswerWelcomePage(response);
    if (request.path == "/status.json") return AnswerStatusJson(response, env_);
    AnswerStatus(response, 404);
  }

 private:
  const WorkerEnv& env_;
};

}  // namespace

std::unique_ptr<HttpHandler> MakeWelcomePage(const WorkerEnv& env) {
  return std::make_unique<WelcomePage>(env);
}

void AnswerWelcomePage(HttpResponse& response) {
  response.SetContentType("text/html; charset=utf-8");
  response.AddHeader("Cache-Control", "no-cache");
  // The page shows text from clients (what a worker is doing). Should it ever fail to escape that, this
  // policy blocks scripts.
  response.AddHeader(
      "Content-Security-Policy",
      "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; "
      "frame-ancestors 'none'; base-uri 'none'");
  response.Body().assign(http::kWelcomeHtml);
}

void AnswerStatusJson(HttpResponse& response, const WorkerEnv& env) {
  response.SetContentType("application/json");
  response.AddHeader("Cache-Control", "no-store");
  response.Body().assign(StatusJson(env.scoreboard, env.id.slot, Now()));
}

}  // namespace preforkd
