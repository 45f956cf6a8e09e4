#include "worker/http/place/place_answer.h"

#include <string>
#include <string_view>

#include "worker/http/answer/error_page.h"
#include "worker/http/answer/redirect.h"
#include "worker/http/syntax/target.h"

namespace preforkd::http {

void AnswerInPlace(const HttpRequest& request, HttpResponse& response) {
  const Place& place = *request.place;
  if (place.kind != PlaceKind::kRedirect) return AnswerStatus(response, place.denied);
  const RedirectRules& rules = place.redirect;
  AnswerRedirect(rules.status, RedirectTarget(rules, request.path, request.query), response);
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
