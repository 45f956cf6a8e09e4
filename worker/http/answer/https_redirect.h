// https_redirect: the answer to a plain request of a service that is to be used over TLS. Pure.
#ifndef PREFORKD_WORKER_HTTP_ANSWER_HTTPS_REDIRECT_H_
#define PREFORKD_WORKER_HTTP_ANSWER_HTTPS_REDIRECT_H_

#include <cstdint>

#include "worker/http/answer/response.h"
#include "worker/http/syntax/request.h"

namespace preforkd {

// Makes `response` a redirect to the same host and target with the scheme https, on `port`. It is permanent:
// 301 for GET and HEAD, which every client knows; else 308, so that the client repeats the method and the
// body (RFC 9110 section 15.4). 400 if the request names no host, 414 if the target is too long for a field.
void AnswerHttpsRedirect(const HttpRequest& request, std::uint16_t port, HttpResponse& response);

}  // namespace preforkd

#endif
