// error_page: the small page sent with an error or a redirect. Pure. It contains nothing from the request, so
// that client data is never returned as HTML.
#ifndef PREFORKD_WORKER_HTTP_ANSWER_ERROR_PAGE_H_
#define PREFORKD_WORKER_HTTP_ANSWER_ERROR_PAGE_H_

#include <string>
#include <string_view>

#include "worker/http/answer/response.h"
#include "worker/http/syntax/request.h"

namespace preforkd {

// Makes `response` the page for `status`. Header fields added before are kept.
void AnswerStatus(HttpResponse& response, int status);

// Sends the client elsewhere. `location`: encoded as in a URL. If it is too long for the fields of a
// response, the answer is 414.
void AnswerRedirect(HttpResponse& response, int status, std::string_view location);

// True for GET and HEAD. Other methods are answered here (OPTIONS with the allowed methods, others with 405),
// and the handler must return.
bool OnlyReading(const HttpRequest& request, HttpResponse& response);

}  // namespace preforkd

#endif
