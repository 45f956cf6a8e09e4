#include "worker/http/answer/handler_call.h"

#include "common/base/ids.h"
#include "common/base/log.h"
#include "worker/http/answer/error_page.h"

namespace preforkd::http {

void AnswerFault(const HttpRequest& request, std::string_view fault, OncePerSecond& log_limit,
                 HttpResponse& response) {
  if (const auto held_back = log_limit.Allow(Now())) {
    log::Error({log::kRequestFailed, ConnId{request.connection}, {{"suppressed", *held_back}}},
               "500 for {} {}: {}", request.method_name, request.target, fault);
  }
  response.Clear();
  AnswerStatus(response, 500);
}

}  // namespace preforkd::http
