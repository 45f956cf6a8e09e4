// HttpSession: one HTTP/1.x connection in this worker: when to read, when to answer, when to wait, when to
// end.
//
// What bytes mean is decided elsewhere: head_parser and request_body for input,
// send_response and output for output. One callback is: receive once, answer every request that is whole,
// send once. While a response waits for the socket nothing is read, so a client that does not read its
// answers cannot make us collect. Input lives in the worker's scratch buffer; the session owns bytes only
// while a request is incomplete.
#ifndef PREFORKD_WORKER_HTTP_HTTP_SESSION_H_
#define PREFORKD_WORKER_HTTP_HTTP_SESSION_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/structures/rate_limit.h"
#include "common/structures/recycled.h"
#include "worker/connection/service.h"
#include "worker/http/access_record.h"
#include "worker/http/answer/handler.h"
#include "worker/http/answer/lingering_close.h"
#include "worker/http/answer/output.h"
#include "worker/http/answer/response_head.h"
#include "worker/http/http_settings.h"
#include "worker/http/request_body.h"
#include "worker/http/session_wait.h"
#include "worker/http/syntax/head_parser.h"
#include "worker/http/syntax/http_date.h"

namespace preforkd::http {

// What the sessions of one service share: used within one callback by one of them, keeps nothing of a
// connection.
struct SessionShared {
  SessionShared(const HttpSettings& settings, HttpHandler& service_handler)
      : config(settings), handler(service_handler), parser({settings.max_header, settings.max_headers}, settings.max_body) {}

  const HttpSettings config;
  HttpHandler& handler;
  HeadParser parser;
  HttpResponse response;
  DateCache date;
  OncePerSecond fault_log;
};

class HttpSession final : public Session, public Recycled<HttpSession> {
 public:
  HttpSession(Connection& connection, SessionShared& shared, Luggage luggage);
  ~HttpSession() override { access_.AfterSending(output_.Sent(), true); }

  void OnReady(Interest ready) override;
  void OnTimeout() override;
  void OnRetire() override;
  [[nodiscard]] const char* TravelRefusal() const override;
  [[nodiscard]] Luggage Pack() const override;
  [[nodiscard]] Duration Lag(Time now) const override;
  void OnCrowded() override;

 private:
  enum class Phase { kHead, kBody, kClosing, kLingering };

  // ---- input ----
  void Receive();
  void Use(std::string_view received);
  void UsePending();
  // Answers what is whole. Returns the bytes used.
  std::size_t Process(std::string_view input);
  // One step of it: 0 when more input is needed, or none is wanted any more.
  std::size_t ReadHead(std::string_view input);
  // The parser has the head, of which `head` are the bytes.
  std::size_t StartRequest(std::string_view head, std::string_view rest);
  std::size_t ReadBody(std::string_view input);
  // What is not well-formed, or too large, in a body.
  void RefuseBody(int status);

  // ---- answers ----
  // `head` are the bytes of the request's head.
  void Serve(const HttpRequest& request, std::string_view head);
  [[nodiscard]] bool HandlerReadsBody(const HttpRequest& request) const;
  // Answers a request whose body is to be discarded.
  void ServeWithoutBody(HttpRequest request, std::string_view head);
  void CallHandler(const HttpRequest& request);
  void Respond(const HttpRequest& request, std::string_view head);
  // Answers with an error, and nothing of the connection's input is looked at from now on. `head`: what is known of
  // that of the request, from its first byte on.
  void Refuse(int status, std::string_view head);
  // Sends shared_.response.
  void Send(std::string_view head, AccessEntry known, const HeadContext& context, bool head_only);
  void Announce(const HttpRequest& request);
  [[nodiscard]] std::string_view Date();
  [[nodiscard]] bool ServerStops() const;

  // Sends what the socket takes, and keeps the access log right. `last`: as for Output.
  Output::Progress Flush(bool last = false);

  // ---- what next; the last thing that every callback does ----
  void Settle();
  void AwaitInput();
  void AwaitRoom();
  void Finish();
  // No input comes that nobody will look at: the connection can be closed as soon as all is sent.
  [[nodiscard]] bool NoInputFollows() const { return !refused_ && !more_may_follow_ && pending_.empty(); }
  // Bytes of our answers that the client has received.
  [[nodiscard]] std::uint64_t Delivered() const;
  // Between two requests, with everything answered and sent.
  [[nodiscard]] bool Idle() const;

  Connection& connection_;
  SessionShared& shared_;
  Output output_;
  AccessRecord access_;
  SessionWait wait_;
  std::string pending_;  // received and not used: an incomplete head, or requests behind a blocked answer
  std::unique_ptr<RequestBody> body_;  // while a body is being received
  bool answered_ = false;              // the request that body_ belongs to has its answer: the body is discarded
  std::optional<LingeringClose> linger_;
  std::size_t empty_lines_ = 0;  // in front of the next request line
  Phase phase_ = Phase::kHead;
  bool carried_ = false;          // pending_ came with the connection and has not been looked at
  bool stalled_ = false;          // Process stopped because the output waits
  bool more_may_follow_ = false;  // the last receive filled the buffer
  bool client_ends_ = false;      // it has said that this request is its last
  bool refused_ = false;          // input may come that nobody will look at
  bool retiring_ = false;
};

}  // namespace preforkd::http

#endif
