// place_answer: the answers that a place gives itself. Pure, but for those of files.
#ifndef PREFORKD_WORKER_HTTP_PLACE_PLACE_ANSWER_H_
#define PREFORKD_WORKER_HTTP_PLACE_PLACE_ANSWER_H_

#include "worker/http/answer/response.h"
#include "worker/http/place/place.h"
#include "worker/http/syntax/request.h"

namespace preforkd::http {

// Precondition: the place is denied, or a redirect.
void AnswerInPlace(const HttpRequest& request, HttpResponse& response);
// The target of the redirect of `rules` for this request.
std::string RedirectTarget(const RedirectRules& rules, std::string_view path, std::string_view query);

}  // namespace preforkd::http

#endif
