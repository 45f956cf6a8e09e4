// Responder: answers the requests of one HTTP connection: it passes a parsed request to the handler, the
// response to the output, and its line to the access log. Owned by the session.
//
// One response at a time: no request is answered while a response waits for the socket (Waiting). It never
// reads, waits or closes the connection.
#ifndef PREFORKD_WORKER_HTTP_RESPONDER_H_
#define PREFORKD_WORKER_HTTP_RESPONDER_H_

#include <cstdint>
#include <string_view>

#include "worker/connection/connection.h"
#include "worker/http/access_record.h"
#include "worker/http/answer/output.h"
#include "worker/http/answer/response_head.h"
#include "worker/http/session_shared.h"

namespace preforkd::http {

class Responder {
 public:
  // Both arguments must outlive this object.
  Responder(Connection& connection, SessionShared& shared)
      : connection_(connection), shared_(shared), output_(connection), access_(connection) {}
  Responder(const Responder&) = delete;
  Responder& operator=(const Responder&) = delete;
  ~Responder() { access_.AfterSending(output_.Sent(), true); }

  [[nodiscard]] const SocketAddress& Peer() const { return connection_.Peer(); }
  // Bytes of a request have arrived. Only the first call after a response counts.
  void Arrive() { access_.Arrive(); }
  // HttpHandler::ReadsBody.
  [[nodiscard]] bool HandlerReadsBody(const HttpRequest& request) const;
  // Tells the client to send the body that it has announced.
  void SendContinue() { output_.Append("HTTP/1.1 100 Continue\r\n\r\n"); }
  // `head`: the bytes of the request's head. False: this response is the last of the connection.
  [[nodiscard]] bool Serve(const HttpRequest& request, std::string_view head);
  // Answers with an error, as the last response. `head`: the request's head as far as it was received.
  void Refuse(int status, std::string_view head);

  // Sends what the socket accepts and keeps the access log consistent. `last`: see Output::Flush.
  Output::Progress Flush(bool last = false);
  // A response waits for the socket: answer nothing more.
  [[nodiscard]] bool Waiting() const { return output_.Waiting(); }
  [[nodiscard]] bool FileFailed() const { return output_.FileFailed(); }
  // Bytes of the responses that the client has received.
  [[nodiscard]] std::uint64_t Delivered() const;

 private:
  void Announce(const HttpRequest& request);
  void CallHandler(const HttpRequest& request);
  [[nodiscard]] bool KeepsAlive(const HttpRequest& request) const;
  // Sends shared_.response.
  void Send(std::string_view head, AccessEntry known, const HeadContext& context, bool head_only);
  [[nodiscard]] std::string_view Date();
  [[nodiscard]] bool ServerStops() const;

  Connection& connection_;
  SessionShared& shared_;
  Output output_;
  AccessRecord access_;
};

}  // namespace preforkd::http

#endif
