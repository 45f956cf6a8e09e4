// send_response: adds one response, head and body, to the output of a connection. A short file is copied
// after the head, so that both leave in one segment and one system call.
#ifndef PREFORKD_WORKER_HTTP_ANSWER_SEND_RESPONSE_H_
#define PREFORKD_WORKER_HTTP_ANSWER_SEND_RESPONSE_H_

#include "worker/http/answer/output.h"
#include "worker/http/answer/response.h"
#include "worker/http/answer/response_head.h"

namespace preforkd::http {

// Returns the size of the whole response. Takes the file out of `response`. `head_only`: leave out the body
// (HEAD). Precondition: `output` is not waiting and `response` is not malformed.
std::uint64_t SendResponse(Output& output, HttpResponse& response, const HeadContext& context,
                           bool head_only);

}  // namespace preforkd::http

#endif
