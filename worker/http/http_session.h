// HttpSession: one HTTP/1.x connection in this worker. It decides when to read, wait, travel and end.
//
// RequestReader interprets input, Responder creates output. One callback receives once, answers every
// complete request, and sends once. While a response waits for the socket, nothing is read.
#ifndef PREFORKD_WORKER_HTTP_HTTP_SESSION_H_
#define PREFORKD_WORKER_HTTP_HTTP_SESSION_H_

#include <optional>

#include "common/structures/recycled.h"
#include "worker/connection/service.h"
#include "worker/http/answer/lingering_close.h"
#include "worker/http/request_reader.h"
#include "worker/http/responder.h"
#include "worker/http/session_shared.h"
#include "worker/http/session_wait.h"

namespace preforkd::http {

class HttpSession final : public Session, public Recycled<HttpSession> {
 public:
  HttpSession(Connection& connection, SessionShared& shared, Luggage luggage);

  void OnReady(Interest ready) override;
  void OnTimeout() override;
  void OnRetire() override;
  [[nodiscard]] const char* TravelRefusal() const override;
  [[nodiscard]] Luggage Pack() const override;
  [[nodiscard]] Duration Lag(Time now) const override;
  void OnCrowded() override;

 private:
  void Receive();
  // Decides the next step; the last call of every callback.
  void DecideNext();
  void AwaitInput();
  void AwaitRoom();
  // The last response has been sent.
  void Finish();
  // Between two requests, and everything has been answered and sent.
  [[nodiscard]] bool Idle() const { return TravelRefusal() == nullptr; }

  Connection& connection_;
  SessionShared& shared_;
  Responder responder_;
  SessionWait wait_;
  RequestReader reader_;
  std::optional<LingeringClose> linger_;  // set after the last response
  bool retiring_ = false;
};

}  // namespace preforkd::http

#endif
