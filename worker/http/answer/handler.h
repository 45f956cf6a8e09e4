// HttpHandler: what one implements to answer HTTP requests. The session does the protocol: framing, limits,
// keep-alive, pipelining, HEAD, sending. A handler sees whole, well-formed requests only.
//
// One handler per service and worker. Handle runs in the loop: it must not block longer than a client may
// wait, and may throw: the client gets 500, the worker lives.
#ifndef PREFORKD_WORKER_HTTP_ANSWER_HANDLER_H_
#define PREFORKD_WORKER_HTTP_ANSWER_HANDLER_H_

#include "worker/http/answer/response.h"
#include "worker/http/syntax/request.h"

namespace preforkd {

class HttpHandler {
 public:
  virtual ~HttpHandler() = default;

  // Whether the answer to this request depends on its body. Asked once for each request that has one, when
  // its head is there; `request.body` is empty. False: Handle is called at once and without the body, which
  // is discarded when it comes. No 100 is sent, and a client that waits for one is disconnected behind the
  // answer.
  [[nodiscard]] virtual bool ReadsBody(const HttpRequest& /*request*/) const { return true; }

  // `response` is an empty 200. For HEAD answer as for GET: the session leaves the body out. CONNECT and
  // methods that preforkd does not know never arrive here.
  virtual void Handle(const HttpRequest& request, HttpResponse& response) = 0;
};

}  // namespace preforkd

#endif
