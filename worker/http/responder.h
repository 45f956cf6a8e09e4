// Responder: answers the requests of one HTTP connection: a parsed request goes to the handler, its response
// to the output, and its line to the access log. Owned by the session.
//
// One answer at a time: nothing is answered behind an answer that waits for the socket (Waiting). It never
// reads, never waits and never closes the connection.
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
  // Both outlive it.
  Responder(Connection& connection, SessionShared& shared)
      : connection_(connection), shared_(shared), output_(connection), access_(connection) {}
  Responder(const Responder&) = delete;
  Responder& operator=(const Responder&) = delete;
  ~Responder() { access_.AfterSending(output_.Sent(), true); }

  [[nodiscard]] const SocketAddress& Peer() const { return connection_.Peer(); }
  // Bytes of a request are here. The first call after an answer counts.
  void Arrive() { access_.Arrive(); }
  // HttpHandler::ReadsBody.
  [[nodiscard]] bool HandlerReadsBody(const HttpRequest& request) const;
  // The client may send the body that it has announced.
  void SendContinue() { output_.Append("HTTP/1.1 100 Continue\r\n\r\n"); }
  // `head` are the bytes of the request's head. False: this answer is the last of the connection.
  [[nodiscard]] bool Serve(const HttpRequest& request, std::string_view head);
  // Answers with an error, which is the last answer. `head`: what is known of that of the request, from its
  // first byte on.
  void Refuse(int status, std::string_view head);

  // Sends what the socket takes, and keeps the access log right. `last`: as for Output.
  Output::Progress Flush(bool last = false);
  // An answer waits for the socket: answer nothing more.
  [[nodiscard]] bool Waiting() const { return output_.Waiting(); }
  [[nodiscard]] bool FileFailed() const { return output_.FileFailed(); }
  // Bytes of the answers that the client has received.
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
