#include "worker/services/pages/read_only.h"

#include <array>
#include <utility>

namespace preforkd {

std::optional<pfd::Response> RefuseWriting(const pfd::Request& request) {
  static constexpr std::array kAllowed = {pfd::Field{"Allow", "GET, HEAD, OPTIONS"}};
  if (request.method() == "GET" || request.method() == "HEAD") return std::nullopt;
  return pfd::Response::page(request.method() == "OPTIONS" ? 204 : 405).constants(kAllowed);
}

pfd::Response Fresh(const char* type, std::string text) {
  static constexpr std::array kNotKept = {pfd::Field{"Cache-Control", "no-store"}};
  return pfd::Response(200, type, std::move(text)).constants(kNotKept);
}

pfd::Response StatusAsJson(const pfd::Request& request) {
  return Fresh("application/json", request.service().report(pfd::Report::status));
}

}  // namespace preforkd
