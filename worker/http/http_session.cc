#include "worker/http/http_session.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"
#include "worker/http/answer/handler_call.h"
#include "worker/http/idle_context.h"

namespace preforkd::http {
namespace {

// 101 has been sent: the session of the next protocol takes over, with the bytes behind the request. Once: if
// another session is on the stack, this one may be called again before the next one is opened.
void HandOver(Connection& connection, const SessionShared& shared, Responder& responder,
              RequestReader& reader) {
  const std::unique_ptr<std::string> context = responder.TakeNext();
  if (context == nullptr) return;
  PF_CHECK(shared.next != nullptr, "a response switches protocols, and the service has no other one");
  connection.CancelTimeout();
  connection.SwitchService(*shared.next, {.unread = reader.TakePending(), .context = std::move(*context)});
}

}  // namespace

HttpSession::HttpSession(Connection& connection, SessionShared& shared, Luggage luggage)
    : connection_(connection),
      shared_(shared),
      responder_(connection, shared),
      wait_(connection, shared.config, UnpackIdle(luggage.context).until),
      reader_(shared, responder_, std::move(luggage.unread), UnpackIdle(luggage.context)) {}

template <typename Step>
auto HttpSession::Work(Step step) {
  const BusyMark mark(connection_.Env().busy, this);
  return step();
}

void HttpSession::OnReady(Interest ready) {
  if (linger_) return linger_->OnReadable();
  if (ready == Interest::kNone || reader_.Switched()) return DecideNext();
  if (responder_.Deferred() && !reader_.WantsPiece() && !Has(ready, Interest::kWrite))
    return CheckLeaving(ready);
  if (responder_.Waiting() || Work([this] { return reader_.UseCarried(); })) return DecideNext();
  Receive();
}

void HttpSession::OnTimeout() {
  if (linger_) return connection_.Close();
  if (wait_.For() == WaitFor::kRoom) wait_.Delivered(responder_.Delivered());
  if (!wait_.Over()) return;
  if (!wait_.InRequest() || reader_.Answered()) return connection_.Close();
  Work([this] { reader_.Refuse(408); });
  DecideNext();
}

// A connection with a request in progress travels when that is done.
void HttpSession::OnRetire() {
  retiring_ = true;
  if (linger_) linger_->Hurry();
}

const char* HttpSession::TravelRefusal() const {
  if (responder_.Deferred()) return DeferredRefusal();
  if (reader_.InBody()) return "a request body is being received";
  if (reader_.Closed()) return "the connection is being closed";
  if (reader_.Switched()) return "the connection changes its protocol";
  if (responder_.Waiting()) return "a response is being sent";
  // It could be packed, but the deadline for the rest would start again with every journey.
  if (!reader_.Pending().empty()) return "half a request head has been received";
  return nullptr;
}

// A request that its handler has not begun can be read again by another worker.
const char* HttpSession::DeferredRefusal() const {
  const Exchange& exchange = responder_.Current();
  if (!exchange.Offered()) return "a request is being answered";
  if (exchange.BodyBegun()) return "a piece of the request's body has been used";
  // Its handler needs none, and it is discarded after the answer (BodyUse::kNone).
  if (reader_.InBody() && !exchange.Request().body_follows)
    return "the body of the request has not been read";
  if (responder_.Waiting()) return "a response is being sent";
  return exchange.Kept().Size() + reader_.Pending().size() > kMaxHeavyBytes
             ? "the request is too large to travel"
             : nullptr;
}

Luggage HttpSession::Pack() const {
  if (responder_.Deferred()) return PackRequest();
  // Between two requests HTTP has no state; only the remaining idle time and the empty lines travel.
  const IdleContext context{wait_.Until(), static_cast<std::uint8_t>(reader_.EmptyLines())};
  const Duration left = std::chrono::duration_cast<Duration>(wait_.Until() - Now());
  return {.unread = {},
          .context = PackIdle(context),
          .idle_left = std::max<Duration>(left, std::chrono::milliseconds(1))};
}

Luggage HttpSession::PackRequest() const {
  Luggage luggage;
  luggage.unread = responder_.Current().Kept().Bytes().append(reader_.Pending());
  const Time now = Now();
  const Time by = responder_.Current().OfferedUntil();
  luggage.context = PackIdle({now + shared_.config.keepalive_timeout, 0, by});
  luggage.idle_left = std::max<Duration>(by - now, std::chrono::milliseconds(1));
  luggage.wake = true;
  luggage.unbegun = true;
  return luggage;
}

Duration HttpSession::Lag(Time now) const { return linger_ ? linger_->Age(now) : wait_.Lag(now); }

// No lingering close: that would keep the place.
void HttpSession::OnCrowded() {
  if (responder_.Deferred()) return;                   // it is being served
  if (wait_.Idle() && connection_.HasInput()) return;  // its next request has just arrived
  if (wait_.InRequest() && !reader_.Answered()) {
    Work([this] { reader_.Refuse(408); });
    (void)responder_.Flush();
  }
  connection_.Close("too slow while places were short");
}

void HttpSession::Receive() {
  auto& buffer = connection_.Env().in;
  const IoResult result = connection_.Receive(buffer);
  switch (result.kind) {
    case IoResult::Kind::kDone:
      wait_.Progress(result.size);
      Work([&] { reader_.Use({buffer.data(), result.size}, result.size == buffer.size()); });
      break;
    case IoResult::Kind::kAgain: break;
    // End of file within a request: the client cannot get an answer.
    case IoResult::Kind::kEnd:
    case IoResult::Kind::kError: return connection_.Close();
  }
  DecideNext();
}

void HttpSession::DecideNext() {
  // Only if the client announced its last request: to a client that sends more, the kernel answers the close
  // with a reset, which can discard unsent data.
  Output::Progress progress = responder_.Flush(/*last=*/reader_.ClientEnds());
  while (progress == Output::Progress::kDrained && Work([this] { return reader_.GoOn(); })) {
    progress = responder_.Flush();
  }
  if (reader_.TakeCompleted()) wait_.End();  // its deadline has been met
  switch (progress) {
    case Output::Progress::kBroken:
      return connection_.Close(responder_.FileFailed() ? "a file could not be read in full" : nullptr);
    case Output::Progress::kBlocked: AwaitRoom(); break;
    case Output::Progress::kDrained:
      if (reader_.Switched()) return HandOver(connection_, shared_, responder_, reader_);
      responder_.Deferred() ? AwaitAnswer() : AwaitInput();
      break;
  }
  // Last, because each may answer, and then decides again.
  const bool begun = reader_.TakeDeferred();
  if (!responder_.Deferred()) return;
  if (begun) return responder_.Current().Attach(*this);
  responder_.Current().Holds() ? responder_.Current().SendHeld() : responder_.Current().Sent();
}

void HttpSession::AwaitInput() {
  if (reader_.Closed()) return Finish();
  if (Idle()) {
    wait_.Begin(connection_.Requests() == 0 ? WaitFor::kFirstByte : WaitFor::kNextRequest);
    if (retiring_) return connection_.Travel();  // with the idle time that has just begun
  } else {
    wait_.Begin(reader_.InBody() ? WaitFor::kBody : WaitFor::kHead);
  }
  connection_.Await(Interest::kRead);
}

void HttpSession::AwaitRoom() {
  wait_.Delivered(responder_.Delivered());
  wait_.Begin(WaitFor::kRoom);
  connection_.Await(Interest::kWrite);
}

// ---- a deferred request ----

void HttpSession::SendWhole(HttpResponse& response) {
  connection_.Call([this, &response] { Completed(responder_.Complete(response)); });
}

void HttpSession::SendHead(HttpResponse& head) {
  connection_.Call([this, &head] {
    responder_.BeginStream(head);
    DecideNext();
  });
}

void HttpSession::SendPiece(std::string_view piece) {
  connection_.Call([this, &piece] {
    responder_.Stream(piece);
    DecideNext();
  });
}

void HttpSession::SendEnd() {
  connection_.Call([this] { Completed(responder_.EndStream()); });
}

void HttpSession::Abandon(const char* why) {
  connection_.Call([this, why] {
    responder_.Abandon();
    connection_.Close(why);
  });
}

void HttpSession::Travel() {
  connection_.Call([this] { connection_.Travel(); });
}

void HttpSession::ReadingChanged() {
  connection_.Call([this] { DecideNext(); });
}

// A session that works on its own input decides when it has done so.
void HttpSession::WakeSoon() {
  if (connection_.Env().busy != this) connection_.WakeSoon();
}

void HttpSession::Completed(Served served) {
  answer_watch_ = Interest::kRead;
  reader_.Complete(served);
  wait_.End();
  DecideNext();
}

// The watch of the connection stays as it is, because a change costs system calls and most answers come soon.
// A client that sends more meanwhile would wake the loop again and again, so its watch changes then.
void HttpSession::AwaitAnswer() {
  if (reader_.WantsPiece()) {
    wait_.Begin(WaitFor::kBody);
    return connection_.Await(Interest::kRead);
  }
  wait_.Begin(WaitFor::kAnswer);
  connection_.Await(answer_watch_);
}

void HttpSession::CheckLeaving(Interest ready) {
  const bool left = connection_.PeerHasLeft();
  if (left) {
    answer_watch_ = Interest::kNone;
  } else if (Has(ready, Interest::kRead)) {
    answer_watch_ = Interest::kHangUp;
  }
  connection_.Await(answer_watch_);
  if (left) responder_.Current().Leaving();  // may answer
}

void HttpSession::Finish() {
  if (reader_.NoInputFollows()) return connection_.Close("after its last response");
  (void)reader_.TakePending();
  linger_.emplace(connection_, shared_.config.min_rate).Begin();
  if (connection_.Env().retiring) linger_->Hurry();
}

}  // namespace preforkd::http
