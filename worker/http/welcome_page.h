// WelcomePage: the handler of an http service without a root: `/` is a page that shows the server at work,
// `/status.json` is what the page is made of. Everything else is 404.
#ifndef PREFORKD_WORKER_HTTP_WELCOME_PAGE_H_
#define PREFORKD_WORKER_HTTP_WELCOME_PAGE_H_

#include <memory>

#include "worker/connection/worker_env.h"
#include "worker/http/answer/handler.h"

namespace preforkd {

// `env` outlives the handler.
std::unique_ptr<HttpHandler> MakeWelcomePage(const WorkerEnv& env);

// The two answers, for handlers that have more than these.
void AnswerWelcomePage(HttpResponse& response);
void AnswerStatusJson(HttpResponse& response, const WorkerEnv& env);

}  // namespace preforkd

#endif
