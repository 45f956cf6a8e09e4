#include "worker/http/place/place_answer.h"

#include <optional>
#include <string>
#include <string_view>

#include "worker/http/answer/error_page.h"
#include "worker/http/place/host_name.h"
#include "worker/http/syntax/authority.h"
#include "worker/http/syntax/target.h"

namespace preforkd::http {
namespace {

// The port and the scheme of a URL say nothing: what is in front of the server may have changed them.
bool IsHost(std::string_view named, std::string_view host) {
  return named.empty() || (IsAuthority(named) && HostName(named).View() == HostName(host).View());
}

// A client that follows the redirect of `place` for `path` asks for the same as in `request` again, at once
// or by way of its folder without the '/' at its end. Whatever the query.
bool LeadsBack(const Place& place, const HttpRequest& request, std::string_view path) {
  const std::string location = RedirectTarget(place.redirect, path, {});
  std::string buffer;
  const std::optional<Target> target =
      ParseTarget(std::string_view(location).substr(0, location.find('#')), buffer);
  if (!target || !IsHost(target->host, request.host)) return false;
  std::string_view asked = request.path;
  if (target->path == asked) return true;
  if (asked.ends_with('/')) asked.remove_suffix(1);
  return target->path == asked;
}

}  // namespace

const Place* TakesOver(const PlaceTable& table, const HttpRequest& request, std::string_view path) {
  const Place& place = table.Find(request.host, path);
  if (&place == request.place) return nullptr;
  const bool guards = place.access != nullptr && place.access != request.place->access;
  if (place.kind == PlaceKind::kRedirect && !guards && LeadsBack(place, request, path)) return nullptr;
  return &place;
}

void AnswerInPlace(const HttpRequest& request, HttpResponse& response) {
  const Place& place = *request.place;
  if (place.kind != PlaceKind::kRedirect) return AnswerStatus(response, place.denied);
  const RedirectRules& rules = place.redirect;
  AnswerRedirect(response, rules.status, RedirectTarget(rules, request.path, request.query));
}

std::string RedirectTarget(const RedirectRules& rules, std::string_view path, std::string_view query) {
  std::string target = rules.target;
  if (!rules.append) return target;
  // "*" of OPTIONS is no path.
  const std::string_view rest = path.starts_with('/') ? path.substr(rules.prefix) : std::string_view();
  if (!rest.empty() && target.ends_with('/')) target.pop_back();
  AppendEncodedPath(rest, target);
  if (query.empty()) return target;
  target.push_back(target.find('?') == std::string::npos ? '?' : '&');
  return target.append(query);
}

}  // namespace preforkd::http
