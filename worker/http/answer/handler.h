// HttpHandler: implement it to answer HTTP requests. The session handles the protocol: framing, limits,
// keep-alive, pipelining, HEAD and sending. A handler sees only complete, well-formed requests.
//
// There is one handler per service and worker. Its methods run on the event loop thread: while one blocks,
// every client of this worker waits. It may throw: the client gets 500 and the worker goes on.
#ifndef PREFORKD_WORKER_HTTP_ANSWER_HANDLER_H_
#define PREFORKD_WORKER_HTTP_ANSWER_HANDLER_H_

#include "worker/http/answer/response.h"
#include "worker/http/syntax/request.h"

namespace preforkd {

class HttpHandler {
 public:
  virtual ~HttpHandler() = default;

  // Whether the answer depends on the request's body. Called once for each request with a body, when its head
  // has arrived; `request.body` is empty then. False: Handle is called at once without the body, which is
  // discarded when it arrives. No "100 Continue" is sent, and a client that waits for it is disconnected
  // after the response.
  [[nodiscard]] virtual bool ReadsBody(const HttpRequest& /*request*/) const { return true; }

  // Answers a request. `response` starts as an empty 200. Answer HEAD like GET: the session leaves out the
  // body. CONNECT and unknown methods are refused before. Both references are valid only during the call.
  virtual void Handle(const HttpRequest& request, HttpResponse& response) = 0;
};

}  // namespace preforkd

#endif
