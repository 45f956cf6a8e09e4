// HttpSession: one HTTP/1.x connection in this worker: when to read, when to wait, when to travel, when to
// end.
//
// What bytes mean is decided elsewhere: RequestReader for input, Responder for output. One callback is:
// receive once, answer every request that is whole, send once. While a response waits for the socket nothing
// is read.
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
  // What next; the last thing that every callback does.
  void DecideNext();
  void AwaitInput();
  void AwaitRoom();
  // The last answer has been sent.
  void Finish();
  // Between two requests, with everything answered and sent.
  [[nodiscard]] bool Idle() const { return TravelRefusal() == nullptr; }

  Connection& connection_;
  SessionShared& shared_;
  Responder responder_;
  SessionWait wait_;
  RequestReader reader_;
  std::optional<LingeringClose> linger_;  // behind the last answer
  bool retiring_ = false;
};

}  // namespace preforkd::http

#endif
