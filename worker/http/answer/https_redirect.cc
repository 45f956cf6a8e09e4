#include "worker/http/answer/https_redirect.h"

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "worker/http/answer/error_page.h"

namespace preforkd {
namespace {

constexpr std::uint16_t kHttpsPort = 443;

// `authority` has been checked (authority.h). Its port is that of the plain listener.
std::string_view WithoutPort(std::string_view authority) {
  const std::size_t from = authority.starts_with('[') ? authority.find(']') : 0;
  return authority.substr(0, authority.find(':', from));
}

// The path and the query as sent; empty for `OPTIONS *` and for an absolute target that has none.
std::string_view AsSent(std::string_view target) {
  if (target.starts_with('/')) return target;
  const std::size_t scheme = target.find("://");
  if (scheme == std::string_view::npos) return {};
  const std::string_view rest = target.substr(scheme + 3);
  const std::size_t path = rest.find_first_of("/?");
  return path == std::string_view::npos ? std::string_view() : rest.substr(path);
}

}  // namespace

void AnswerHttpsRedirect(const HttpRequest& request, std::uint16_t port, HttpResponse& response) {
  const std::string_view host = WithoutPort(request.host);
  if (host.empty()) return AnswerStatus(response, 400);
  const std::string_view target = AsSent(request.target);
  const bool reads = request.method == HttpMethod::kGet || request.method == HttpMethod::kHead;
  const std::string place = port == kHttpsPort ? std::string() : fmt::format(":{}", port);
  AnswerRedirect(response, reads ? 301 : 308, fmt::format("https://{}{}{}", host, place, target));
}

}  // namespace preforkd
