// HttpHandler: implement it to answer HTTP requests. The session handles the protocol: framing, limits,
// keep-alive, pipelining, HEAD and sending. A handler sees only complete, well-formed requests.
// RequestHandler: the same for answers that come later, or in pieces (exchange.h).
//
// There is one handler per service and worker. Its methods run on the event loop thread: while one blocks,
// every client of this worker waits. It may throw: the client gets 500 and the worker goes on.
#ifndef PREFORKD_WORKER_HTTP_ANSWER_HANDLER_H_
#define PREFORKD_WORKER_HTTP_ANSWER_HANDLER_H_

#include <memory>

#include "worker/http/answer/exchange.h"
#include "worker/http/answer/response.h"
#include "worker/http/syntax/request.h"

namespace preforkd {

// Turns the request into one that is answered later.
class Deferral {
 public:
  // Copies the request, whose views then stay valid as long as the exchange. The answer must come through the
  // exchange; what is in the response is ignored. Repeated calls return the same one.
  virtual std::shared_ptr<Exchange> Take() = 0;

 protected:
  ~Deferral() = default;
};

enum class BodyUse {
  // Start is called when the body is complete.
  kWhole,
  // Start is called when the head has arrived, and the body follows (Exchange::Observer::OnBody).
  kPieces,
  // The answer does not depend on it: Start is called at once, and the body is discarded when it arrives. No
  // "100 Continue" is sent, and a client that waits for it is disconnected after the response.
  kNone,
};

class RequestHandler {
 public:
  virtual ~RequestHandler() = default;

  // What becomes of the request's body. Called for each request with a body when its head has arrived, and
  // perhaps once more when the password of the request is known to be right; `request.body` is empty then.
  [[nodiscard]] virtual BodyUse UseOfBody(const HttpRequest& /*request*/) const { return BodyUse::kWhole; }

  // Answers a request: fills in `response`, which starts as an empty 200, or takes the exchange from
  // `deferral`. Answer HEAD like GET: the session leaves out the body. CONNECT and unknown methods are
  // refused before. The references are valid only during the call.
  virtual void Start(const HttpRequest& request, HttpResponse& response, Deferral& deferral) = 0;

  // See Service.
  virtual void OnRetire() {}
  virtual bool OnExit() { return true; }
};

class HttpHandler : public RequestHandler {
 public:
  // Answers a request at once. See Start.
  virtual void Handle(const HttpRequest& request, HttpResponse& response) = 0;

 private:
  void Start(const HttpRequest& request, HttpResponse& response, Deferral&) final {
    Handle(request, response);
  }
};

}  // namespace preforkd

#endif
