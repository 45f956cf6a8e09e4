// send_response: one response into the output of a connection, head and body. A short file is read in behind
// the head, so that both leave in one segment and with one system call.
#ifndef PREFORKD_WORKER_HTTP_ANSWER_SEND_RESPONSE_H_
#define PREFORKD_WORKER_HTTP_ANSWER_SEND_RESPONSE_H_

#include "worker/http/answer/output.h"
#include "worker/http/answer/response.h"
#include "worker/http/answer/response_head.h"

namespace preforkd::http {

// Returns the size of the whole answer. Takes the file out of `response`. `head_only`: the answer to HEAD.
// Precondition: `output` is not waiting, `response` is not malformed.
std::uint64_t SendResponse(Output& output, HttpResponse& response, const HeadContext& context,
                           bool head_only);

}  // namespace preforkd::http

#endif
