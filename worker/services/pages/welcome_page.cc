// The welcome page: pages.h.
#include <preforkd/module.hpp>

#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "worker/services/pages/pages.h"
#include "worker/services/pages/read_only.h"
#include "worker/services/pages/welcome_html.h"

namespace preforkd {
namespace {

pfd::Response Page() {
  static constexpr std::array kFields = {
      pfd::Field{"Cache-Control", "no-cache"},
      // The page shows text from clients (what a worker is doing). Should it ever fail to escape that, this
      // policy blocks scripts.
      pfd::Field{
          "Content-Security-Policy",
          "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; "
          "frame-ancestors 'none'; base-uri 'none'"},
  };
  return pfd::Response::constant("text/html; charset=utf-8", kWelcomeHtml).constants(kFields);
}

pfd::Response Answer(const pfd::Request& request) {
  if (std::optional<pfd::Response> refused = RefuseWriting(request)) return std::move(*refused);
  if (request.path() == "/") return Page();
  if (request.path() == "/status.json") return StatusAsJson(request);
  return pfd::Response::page(404);
}

}  // namespace
}  // namespace preforkd

PREFORKD_LINKED_MODULE(preforkd_welcome_page, "welcome", pfd::event, pfd::no_body,
                       pfd::route{"*", "*", preforkd::Answer});
