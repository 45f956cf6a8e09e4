// HttpSession: one HTTP/1.x connection in this worker. It decides when to read, wait, travel and end.
//
// RequestReader interprets input, Responder creates output. One callback receives once, answers every
// complete request, and sends once. While a response waits for the socket or is still to come from its
// handler, nothing is read.
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

class HttpSession final : public Session, private Exchange::Sender, public Recycled<HttpSession> {
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
  // Runs `step`, in which the reader calls handlers: meanwhile no other session may send. Returns its result.
  template <typename Step>
  auto Work(Step step);
  void Receive();
  // Decides the next step; the last call of every callback.
  void DecideNext();
  // Exchange::Sender: the answer to a deferred request.
  void SendWhole(HttpResponse& response) override;
  void SendHead(HttpResponse& head) override;
  void SendPiece(std::string_view piece) override;
  void SendEnd() override;
  void Abandon(const char* why) override;
  void Travel() override;
  void ReadingChanged() override;
  [[nodiscard]] bool Ready() const override { return connection_.Env().busy == nullptr; }
  void WakeSoon() override;
  [[nodiscard]] std::uint64_t Unsent() const override { return responder_.Unsent(); }
  // The deferred request has its answer, or the end of it.
  void Completed(Served served);
  void AwaitAnswer();
  // Something has arrived while a request waits for its answer.
  void CheckLeaving(Interest ready);
  // Everything has been answered and sent.
  void AwaitInput();
  void AwaitRoom();
  // The last response has been sent.
  void Finish();
  // Why a connection whose request waits for its answer cannot travel; nullptr: it can.
  [[nodiscard]] const char* DeferredRefusal() const;
  [[nodiscard]] Luggage PackRequest() const;
  // Between two requests, and everything has been answered and sent.
  [[nodiscard]] bool Idle() const { return TravelRefusal() == nullptr; }

  Connection& connection_;
  SessionShared& shared_;
  Responder responder_;
  SessionWait wait_;
  RequestReader reader_;
  std::optional<LingeringClose> linger_;  // set after the last response
  bool retiring_ = false;
  // What is watched while a request waits for its answer. See AwaitAnswer.
  Interest answer_watch_ = Interest::kRead;
};

}  // namespace preforkd::http

#endif
