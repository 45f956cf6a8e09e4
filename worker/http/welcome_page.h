// WelcomePage: the handler of an http service without a root. `/` is a page that shows the server's state,
// `/status.json` is its data. Everything else is 404.
#ifndef PREFORKD_WORKER_HTTP_WELCOME_PAGE_H_
#define PREFORKD_WORKER_HTTP_WELCOME_PAGE_H_

#include <memory>

#include "worker/connection/worker_env.h"
#include "worker/http/answer/handler.h"

namespace preforkd {

// `env` must outlive the handler.
std::unique_ptr<HttpHandler> MakeWelcomePage(const WorkerEnv& env);

// The two responses, for other handlers to use.
void AnswerWelcomePage(HttpResponse& response);
void AnswerStatusJson(HttpResponse& response, const WorkerEnv& env);

}  // namespace preforkd

#endif
