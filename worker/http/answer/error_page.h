// error_page: the small page that goes with a status that is no success. Pure. Names nothing of the request,
// so that nothing a client sends comes back as HTML.
#ifndef PREFORKD_WORKER_HTTP_ANSWER_ERROR_PAGE_H_
#define PREFORKD_WORKER_HTTP_ANSWER_ERROR_PAGE_H_

#include <string>

#include "worker/http/answer/response.h"
#include "worker/http/syntax/request.h"

namespace preforkd {

// Makes `response` the page for `status`. Header fields that were added before stay.
void AnswerStatus(HttpResponse& response, int status);

// True for GET and HEAD. Anything else is answered, OPTIONS with what is allowed, the rest with 405, and the
// handler has nothing more to do.
bool OnlyReading(const HttpRequest& request, HttpResponse& response);

}  // namespace preforkd

#endif
