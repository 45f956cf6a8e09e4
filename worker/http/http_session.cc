#include "worker/http/http_session.h"

#include <algorithm>

#include "worker/http/idle_context.h"

namespace preforkd::http {

HttpSession::HttpSession(Connection& connection, SessionShared& shared, Luggage luggage)
    : connection_(connection),
      shared_(shared),
      responder_(connection, shared),
      wait_(connection, shared.config, UnpackIdle(luggage.context).until),
      reader_(shared, responder_, std::move(luggage.unread), UnpackIdle(luggage.context).empty_lines) {}

void HttpSession::OnReady(Interest) {
  if (linger_) return linger_->OnReadable();
  if (responder_.Waiting() || reader_.UseCarried()) return DecideNext();
  Receive();
}

void HttpSession::OnTimeout() {
  if (linger_) return connection_.Close();
  if (wait_.For() == WaitFor::kRoom) wait_.Delivered(responder_.Delivered());
  if (!wait_.Over()) return;
  if (!wait_.InRequest() || reader_.Answered()) return connection_.Close();
  reader_.Refuse(408);
  DecideNext();
}

// A connection with a request in progress travels when that is done.
void HttpSession::OnRetire() {
  retiring_ = true;
  if (linger_) linger_->Hurry();
}

const char* HttpSession::TravelRefusal() const {
  if (reader_.InBody()) return "a request body is being received";
  if (reader_.Closed()) return "the connection is being closed";
  if (responder_.Waiting()) return "a response is being sent";
  // It could be packed, but the deadline for the rest would start again with every journey.
  if (reader_.HasPending()) return "half a request head has been received";
  return nullptr;
}

Luggage HttpSession::Pack() const {
  // Between two requests HTTP has no state; only the remaining idle time and the empty lines travel.
  const IdleContext context{wait_.Until(), static_cast<std::uint8_t>(reader_.EmptyLines())};
  const Duration left = std::chrono::duration_cast<Duration>(wait_.Until() - Now());
  return {.unread = {},
          .context = PackIdle(context),
          .idle_left = std::max<Duration>(left, std::chrono::milliseconds(1))};
}

Duration HttpSession::Lag(Time now) const { return linger_ ? linger_->Age(now) : wait_.Lag(now); }

// No lingering close: that would keep the place.
void HttpSession::OnCrowded() {
  if (wait_.Idle() && connection_.HasInput()) return;  // its next request has just arrived
  if (wait_.InRequest() && !reader_.Answered()) {
    reader_.Refuse(408);
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
      reader_.Use({buffer.data(), result.size}, result.size == buffer.size());
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
  while (progress == Output::Progress::kDrained && reader_.GoOn()) progress = responder_.Flush();
  if (reader_.TakeCompleted()) wait_.End();  // its deadline has been met
  switch (progress) {
    case Output::Progress::kBroken:
      return connection_.Close(responder_.FileFailed() ? "a file could not be read in full" : nullptr);
    case Output::Progress::kBlocked: return AwaitRoom();
    case Output::Progress::kDrained: break;
  }
  if (reader_.Closed()) return Finish();
  AwaitInput();
}

void HttpSession::AwaitInput() {
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

void HttpSession::Finish() {
  if (reader_.NoInputFollows()) return connection_.Close("after its last response");
  reader_.Forget();
  linger_.emplace(connection_, shared_.config.min_rate).Begin();
  if (connection_.Env().retiring) linger_->Hurry();
}

}  // namespace preforkd::http
