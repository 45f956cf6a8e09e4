// Responder: answers the requests of one HTTP connection: it passes a parsed request to the handler, the
// response to the output, and its line to the access log. Owned by the session.
//
// One response at a time: no request is answered while a response waits for the socket (Waiting), or is still
// to come from the handler (Deferred). It never reads, waits or closes the connection.
#ifndef PREFORKD_WORKER_HTTP_RESPONDER_H_
#define PREFORKD_WORKER_HTTP_RESPONDER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "worker/connection/connection.h"
#include "worker/http/access_record.h"
#include "worker/http/answer/exchange.h"
#include "worker/http/answer/handler.h"
#include "worker/http/answer/output.h"
#include "worker/http/answer/response_head.h"
#include "worker/http/coding/compressor.h"
#include "worker/http/place/placing.h"
#include "worker/http/session_shared.h"

namespace preforkd::http {

enum class Served {
  kAnswered,  // the response is in the output
  kLast,      // likewise, and it is the last of the connection
  kLater,     // the handler has deferred it
  kSwitched,  // the response is in the output, and another protocol follows it (TakeNext)
};

class Responder {
 public:
  // Both arguments must outlive this object.
  Responder(Connection& connection, SessionShared& shared)
      : connection_(connection), shared_(shared), output_(connection), access_(connection) {}
  Responder(const Responder&) = delete;
  Responder& operator=(const Responder&) = delete;
  ~Responder();

  // Says in the request whose it is, and which place it is in. Call it for each request, before the others.
  // Unless another worker has read it before (answer_by), asks whether its client may send one more now
  // (HttpSettings::request_rate): if not, the answer will be 429, whatever the request.
  void Sign(HttpRequest& request);
  // Bytes of a request have arrived. Only the first call after a response counts.
  void Arrive() { access_.Arrive(); }
  // RequestHandler::UseOfBody.
  [[nodiscard]] BodyUse HandlerUseOfBody(const HttpRequest& request) const;
  // The client waits for "100 Continue" before it sends the body that it has announced. If it gets its answer
  // first, that is the last one: the client may send the body then, or not.
  void OweContinue() { owes_continue_ = true; }
  // Tells it to send the body, if it waits for that.
  void Continue();
  // `head`: the bytes of the request's head.
  [[nodiscard]] Served Serve(const HttpRequest& request, std::string_view head);
  // Answers with an error, as the last response. `head`: the request's head as far as it was received.
  void Refuse(int status, std::string_view head);

  // ---- a request that was deferred ----

  // The handler has not completed its answer.
  [[nodiscard]] bool Deferred() const { return exchange_ != nullptr; }
  [[nodiscard]] Exchange& Current() const { return *exchange_; }
  // Its whole answer, or the end of a streamed one. Never kLater.
  [[nodiscard]] Served Complete(HttpResponse& response);
  void BeginStream(HttpResponse& head);
  // Flushed, where it is compressed: the client can read it when it arrives.
  void Stream(std::string_view piece);
  [[nodiscard]] Served EndStream();
  // No answer will come.
  void Abandon() {
    exchange_.reset();
    placing_.Leave();
  }
  // Takes the request from its handler, and answers with an error, as the last response. If the answer has
  // begun, nothing can be added to it.
  void RefuseDeferred(int status);

  // What the session of the next protocol begins with, once; nullptr: there is none.
  [[nodiscard]] std::unique_ptr<std::string> TakeNext() { return std::move(next_); }

  // ---- sending ----

  // Sends what the socket accepts and keeps the access log consistent. `last`: see Output::Flush.
  Output::Progress Flush(bool last = false);
  // A response waits for the socket: answer nothing more.
  [[nodiscard]] bool Waiting() const { return output_.Waiting(); }
  [[nodiscard]] bool FileFailed() const { return output_.FileFailed(); }
  // Bytes that wait for the socket.
  [[nodiscard]] std::uint64_t Unsent() const { return output_.End() - output_.Sent(); }
  // Bytes of the responses that the client has received.
  [[nodiscard]] std::uint64_t Delivered() const;

 private:
  void Announce(const HttpRequest& request);
  void CallHandler(const HttpRequest& request, Deferral& deferral);
  [[nodiscard]] bool KeepsAlive(const HttpRequest& request, const HttpResponse& response) const;
  // Sends the whole answer to `request`.
  Served Respond(const HttpRequest& request, std::string_view head, HttpResponse& response);
  void Send(HttpResponse& response, std::string_view head, AccessEntry known, HeadContext context,
            bool head_only);
  // Counts and logs a response that is being sent. `body_size`: of what follows its head.
  void Record(const HttpResponse& response, std::string_view head, AccessEntry known,
              std::uint64_t body_size);
  [[nodiscard]] std::string_view Date();

  Connection& connection_;
  SessionShared& shared_;
  Output output_;
  AccessRecord access_;
  std::shared_ptr<Exchange> exchange_;          // of the deferred request
  std::unique_ptr<std::string> next_;           // see TakeNext
  BodyFraming framing_ = BodyFraming::kLength;  // of its streamed answer
  Placing placing_;                             // of the request that is being read or answered
  std::unique_ptr<Compressor> compressor_;      // of its pieces; nullptr: they are sent as they are
  bool streaming_ = false;
  bool owes_continue_ = false;
  bool bodiless_ = false;  // its answer has no body: HEAD, 204, 304
  bool keep_ = false;
  std::optional<Duration> bounded_;  // the request gets 429: its client may send the next one after that time
};

}  // namespace preforkd::http

#endif
