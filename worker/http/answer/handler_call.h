// handler_call: how a handler is called, by the session and by the guard that lets a request in later.
#ifndef PREFORKD_WORKER_HTTP_ANSWER_HANDLER_CALL_H_
#define PREFORKD_WORKER_HTTP_ANSWER_HANDLER_CALL_H_

#include <exception>
#include <string_view>
#include <utility>

#include "common/structures/rate_limit.h"
#include "worker/http/answer/response.h"
#include "worker/http/syntax/request.h"

namespace preforkd::http {

// While it exists, WorkerEnv::busy is `self`.
class BusyMark {
 public:
  BusyMark(const void*& place, const void* self) : place_(place), before_(std::exchange(place, self)) {}
  BusyMark(const BusyMark&) = delete;
  BusyMark& operator=(const BusyMark&) = delete;
  ~BusyMark() { place_ = before_; }

 private:
  const void*& place_;
  const void* before_;
};

// Logs the fault, and makes `response` a 500.
void AnswerFault(const HttpRequest& request, std::string_view fault, OncePerSecond& log_limit,
                 HttpResponse& response);

// Calls the handler, `call`, for the request. False: it has thrown, or its response cannot be sent;
// `response` is a 500.
template <typename Call>
bool CallHandler(Call call, const HttpRequest& request, OncePerSecond& log_limit, HttpResponse& response) {
  try {
    call();
    if (!response.Malformed()) return true;
    AnswerFault(request, "the handler's response is malformed", log_limit, response);
  } catch (const std::exception& exception) {
    AnswerFault(request, exception.what(), log_limit, response);
  } catch (...) {
    AnswerFault(request, "the handler threw an exception that is not a std::exception", log_limit, response);
  }
  return false;
}

}  // namespace preforkd::http

#endif
