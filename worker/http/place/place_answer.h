// place_answer: the answers that a place gives itself, and which place answers for a file that is reached by
// another path than its own. Pure, but for the answers of files.
#ifndef PREFORKD_WORKER_HTTP_PLACE_PLACE_ANSWER_H_
#define PREFORKD_WORKER_HTTP_PLACE_PLACE_ANSWER_H_

#include "worker/http/answer/response.h"
#include "worker/http/place/place_table.h"
#include "worker/http/syntax/request.h"

namespace preforkd::http {

// Precondition: the place is denied, or a redirect.
void AnswerInPlace(const HttpRequest& request, HttpResponse& response);
// The target of the redirect of `rules` for this request.
std::string RedirectTarget(const RedirectRules& rules, std::string_view path, std::string_view query);

// `request` is in a place with files, and means the file with the path `path`, as an index or a fallback: the
// other place that is for that path and takes over. nullptr: none. A redirect to what was asked for does not,
// or the client would be sent round in a circle: /index.html to /. Except if it has access rules of its own,
// which guard the file.
const Place* TakesOver(const PlaceTable& table, const HttpRequest& request, std::string_view path);

}  // namespace preforkd::http

#endif
