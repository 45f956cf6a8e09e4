// error_page: the small page sent with an error status. Pure. It contains nothing from the request, so that
// client data is never returned as HTML.
#ifndef PREFORKD_WORKER_HTTP_ANSWER_ERROR_PAGE_H_
#define PREFORKD_WORKER_HTTP_ANSWER_ERROR_PAGE_H_

#include <string>

#include "worker/http/answer/response.h"
#include "worker/http/syntax/request.h"

namespace preforkd {

// Makes `response` the page for `status`. Header fields added before are kept.
void AnswerStatus(HttpResponse& response, int status);

// True for GET and HEAD. Other methods are answered here (OPTIONS with the allowed methods, others with 405),
// and the handler must return.
bool OnlyReading(const HttpRequest& request, HttpResponse& response);

}  // namespace preforkd

#endif
