// redirect: the answer that sends a client elsewhere. Pure.
#ifndef PREFORKD_WORKER_HTTP_ANSWER_REDIRECT_H_
#define PREFORKD_WORKER_HTTP_ANSWER_REDIRECT_H_

#include <string_view>

#include "worker/http/answer/response.h"

namespace preforkd {

// `location`: encoded as in a URL. If it is too long for the fields of a response, the answer is 414.
void AnswerRedirect(int status, std::string_view location, HttpResponse& response);

}  // namespace preforkd

#endif
