// The status page: pages.h.
#include <preforkd/module.hpp>

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "worker/services/pages/dashboard_html.h"
#include "worker/services/pages/pages.h"
#include "worker/services/pages/read_only.h"

namespace preforkd {
namespace {

constexpr const char* kPlain = "text/plain; charset=utf-8";

pfd::Response Dashboard(const pfd::Request& request) {
  static const std::array kFields = {
      // The browser revalidates the page each time; its tag avoids sending it again.
      pfd::Field{"Cache-Control", "no-cache"},
      pfd::Field{"ETag", kDashboardTag},
      pfd::Field{"Content-Security-Policy", kDashboardPolicy},
      pfd::Field{"X-Content-Type-Options", "nosniff"},
      pfd::Field{"Referrer-Policy", "no-referrer"},
  };
  const std::span<const pfd::Field> fields = kFields;
  const int condition = request.precondition(kDashboardTag);
  if (condition != 0) return pfd::Response::page(condition).constants(fields.first(2));
  return pfd::Response::constant("text/html; charset=utf-8", kDashboardHtml).constants(fields);
}

pfd::Response Readiness(const pfd::Request& request) {
  const std::string why_not = request.service().report(pfd::Report::readiness);
  if (why_not.empty()) return Fresh(kPlain, "ready\n");
  return Fresh(kPlain, "not ready: " + why_not + "\n").status(503);
}

pfd::Response Answer(const pfd::Request& request) {
  if (std::optional<pfd::Response> refused = RefuseWriting(request)) return std::move(*refused);
  const std::string_view path = request.path();
  if (path == "/") return Dashboard(request);
  if (path == "/status.json") return StatusAsJson(request);
  if (path == "/metrics") {
    return Fresh("text/plain; version=0.0.4; charset=utf-8", request.service().report(pfd::Report::metrics));
  }
  if (path == "/healthz") return Fresh(kPlain, "ok\n");
  if (path == "/readyz") return Readiness(request);
  return pfd::Response::page(404);
}

}  // namespace
}  // namespace preforkd

PREFORKD_LINKED_MODULE(preforkd_status_page, "status", pfd::event, pfd::no_body,
                       pfd::route{"*", "*", preforkd::Answer});
