#include "worker/http/http_session.h"

#include <algorithm>
#include <utility>

#include "worker/http/idle_context.h"

namespace preforkd::http {

HttpSession::HttpSession(Connection& connection, SessionShared& shared, Luggage luggage)
    : connection_(connection),
      shared_(shared),
      output_(connection),
      access_(connection),
      wait_(connection, shared.config, UnpackIdle(luggage.context).until),
      pending_(std::move(luggage.unread)),
      empty_lines_(UnpackIdle(luggage.context).empty_lines),
      carried_(!pending_.empty()) {}

void HttpSession::OnReady(Interest) {
  if (phase_ == Phase::kLingering) return linger_->OnReadable();
  if (output_.Waiting()) return Settle();
  if (std::exchange(carried_, false)) {
    UsePending();
    return Settle();
  }
  Receive();
}

void HttpSession::OnTimeout() {
  if (phase_ == Phase::kLingering) return connection_.Close();
  if (wait_.For() == WaitFor::kRoom) wait_.Delivered(Delivered());
  if (!wait_.Over()) return;
  if (!wait_.InRequest() || answered_) return connection_.Close();
  Refuse(408, body_ != nullptr ? body_->HeadBytes() : pending_);
  Settle();
}

// In the middle of something: the connection goes on elsewhere when that is done.
void HttpSession::OnRetire() {
  retiring_ = true;
  if (linger_) linger_->Hurry();
}

const char* HttpSession::TravelRefusal() const {
  if (phase_ == Phase::kBody) return "a request body is being received";
  if (phase_ != Phase::kHead) return "the connection is being closed";
  if (output_.Waiting()) return "a response is being sent";
  // It could be packed, but the deadline for the rest would begin anew with every journey.
  if (!pending_.empty()) return "half a request head has been received";
  return nullptr;
}

Luggage HttpSession::Pack() const {
  // Between two requests HTTP has no state; what is left of the time goes along.
  const IdleContext context{wait_.Until(), static_cast<std::uint8_t>(empty_lines_)};
  const Duration left = std::chrono::duration_cast<Duration>(wait_.Until() - Now());
  return {.unread = {},
          .context = PackIdle(context),
          .idle_for = std::max<Duration>(left, std::chrono::milliseconds(1))};
}

Duration HttpSession::Lag(Time now) const {
  return phase_ == Phase::kLingering ? linger_->Age(now) : wait_.Lag(now);
}

// Without lingering: that would keep the place.
void HttpSession::OnCrowded() {
  if (wait_.Idle() && connection_.HasInput()) return;  // it has just spoken
  if (wait_.InRequest() && !answered_) {
    Refuse(408, body_ != nullptr ? body_->HeadBytes() : pending_);
    (void)Flush();
  }
  connection_.Close("it was slow, and its place was needed");
}

// ---- input ----

void HttpSession::Receive() {
  auto& buffer = connection_.Env().in;
  const IoResult result = connection_.Receive(buffer);
  switch (result.kind) {
    case IoResult::Kind::kDone:
      more_may_follow_ = result.size == buffer.size();
      wait_.Progress(result.size);
      Use({buffer.data(), result.size});
      break;
    case IoResult::Kind::kAgain:
      break;
    // End of file with half a request received: there is nobody whom an answer could help.
    case IoResult::Kind::kEnd:
    case IoResult::Kind::kError:
      return connection_.Close();
  }
  Settle();
}

void HttpSession::Use(std::string_view received) {
  if (pending_.empty()) {
    const std::size_t used = Process(received);
    pending_.assign(received.substr(used));
    return;
  }
  const bool worth_it = phase_ != Phase::kHead || HeadParser::WorthParsing(pending_, received);
  pending_.append(received);
  if (worth_it || pending_.size() >= shared_.config.max_header) UsePending();
}

void HttpSession::UsePending() {
  pending_.erase(0, Process(pending_));
  if (pending_.empty())
    std::string().swap(pending_);  // gives the memory back; assigning an empty one would not
}

std::size_t HttpSession::Process(std::string_view input) {
  std::size_t used = 0;
  while (phase_ == Phase::kHead || phase_ == Phase::kBody) {
    if (output_.Waiting() && Flush() != Output::Progress::kDrained) {
      stalled_ = true;
      break;
    }
    const std::string_view rest = input.substr(used);
    const std::size_t step = phase_ == Phase::kHead ? ReadHead(rest) : ReadBody(rest);
    if (step == 0) break;
    used += step;
  }
  return used;
}

std::size_t HttpSession::ReadHead(std::string_view input) {
  if (const std::size_t empty = EmptyLineBytes(input); empty > 0) {
    empty_lines_ += empty / 2;
    if (empty_lines_ > kMaxEmptyLines) Refuse(400, {});
    return empty;
  }
  if (input.empty()) return 0;
  access_.Arrive();
  const HeadResult result = shared_.parser.Parse(input);
  if (result.kind == HeadResult::Kind::kRefused) Refuse(result.refusal, input);
  if (result.kind != HeadResult::Kind::kComplete) return 0;
  return StartRequest(input.substr(0, result.size), input.substr(result.size));
}

std::size_t HttpSession::StartRequest(std::string_view head, std::string_view rest) {
  empty_lines_ = 0;
  wait_.End();  // the deadline of this head has been kept
  const RequestHead& parsed = shared_.parser.Head();
  const Framing& framing = parsed.framing;
  HttpRequest request = parsed.request;
  request.peer = &connection_.Peer();
  if (framing.kind != Framing::Kind::kNone && !HandlerReadsBody(request)) {
    ServeWithoutBody(request, head);
    return head.size();
  }
  if (framing.kind != Framing::Kind::kChunked && rest.size() >= framing.length) {
    const auto length = static_cast<std::size_t>(framing.length);
    request.body = rest.substr(0, length);
    Serve(request, head);
    return head.size() + length;
  }
  // A client that has begun to send does not wait for the permission.
  if (parsed.expects_continue && rest.empty()) output_.Append("HTTP/1.1 100 Continue\r\n\r\n");
  body_ = std::make_unique<RequestBody>(head, request, framing, shared_.config.max_body);
  phase_ = Phase::kBody;
  return head.size();
}

std::size_t HttpSession::ReadBody(std::string_view input) {
  std::size_t used = 0;
  switch (body_->Feed(input, used)) {
    case ChunkedDecoder::State::kMore:
      if (answered_) body_->Forget();
      return used;
    case ChunkedDecoder::State::kMalformed:
      RefuseBody(400);
      return 0;
    case ChunkedDecoder::State::kTooLarge:
      RefuseBody(413);
      return 0;
    case ChunkedDecoder::State::kDone:
      break;
  }
  const std::unique_ptr<RequestBody> body = std::move(body_);
  phase_ = Phase::kHead;
  wait_.End();
  if (!std::exchange(answered_, false)) Serve(body->Request(), body->HeadBytes());
  return used;
}

void HttpSession::RefuseBody(int status) {
  if (!answered_) return Refuse(status, body_->HeadBytes());
  // A second answer would be taken for that of the next request.
  body_.reset();
  phase_ = Phase::kClosing;
  refused_ = true;
}

Output::Progress HttpSession::Flush(bool last) {
  access_.BeforeSending();
  const Output::Progress progress = output_.Flush(last);
  access_.AfterSending(output_.Sent(), progress != Output::Progress::kBlocked);
  return progress;
}

// ---- what next ----

void HttpSession::Settle() {
  // Only where the client has said so itself: to one that sends more, the kernel answers the close with a reset, which
  // overtakes what has not left.
  const bool last = phase_ == Phase::kClosing && client_ends_ && NoInputFollows();
  Output::Progress progress = Flush(last);
  while (progress == Output::Progress::kDrained && std::exchange(stalled_, false)) {
    UsePending();
    progress = Flush();
  }
  switch (progress) {
    case Output::Progress::kBroken:
      return connection_.Close(output_.FileFailed() ? "a file could not be read as far as was promised" : nullptr);
    case Output::Progress::kBlocked:
      return AwaitRoom();
    case Output::Progress::kDrained:
      break;
  }
  if (phase_ == Phase::kClosing) return Finish();
  AwaitInput();
}

void HttpSession::AwaitInput() {
  if (Idle()) {
    wait_.Begin(connection_.Requests() == 0 ? WaitFor::kFirstByte : WaitFor::kNextRequest);
    if (retiring_) return connection_.Travel();  // with the time that has just begun
  } else {
    wait_.Begin(phase_ == Phase::kBody ? WaitFor::kBody : WaitFor::kHead);
  }
  connection_.Await(Interest::kRead);
}

void HttpSession::AwaitRoom() {
  wait_.Delivered(Delivered());
  wait_.Begin(WaitFor::kRoom);
  connection_.Await(Interest::kWrite);
}

void HttpSession::Finish() {
  if (NoInputFollows()) return connection_.Close("the answer was its last");
  std::string().swap(pending_);
  phase_ = Phase::kLingering;
  linger_.emplace(connection_, shared_.config.min_rate).Begin();
  if (connection_.Env().retiring) linger_->Hurry();
}

std::uint64_t HttpSession::Delivered() const {
  const std::uint64_t sent = output_.Sent();
  return sent - std::min(sent, connection_.Unacknowledged());
}

bool HttpSession::Idle() const {
  return TravelRefusal() == nullptr;
}

}  // namespace preforkd::http
