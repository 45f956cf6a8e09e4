#include "worker/http/request_reader.h"

namespace preforkd::http {

RequestReader::RequestReader(SessionShared& shared, Responder& responder, std::string unread,
                             const IdleContext& from)
    : shared_(shared),
      responder_(responder),
      pending_(std::move(unread)),
      empty_lines_(from.empty_lines),
      answer_by_(from.answer_by),
      carried_(!pending_.empty()) {}

bool RequestReader::UseCarried() {
  if (!std::exchange(carried_, false)) return false;
  UsePending();
  return true;
}

bool RequestReader::GoOn() {
  if (responder_.Deferred() && !WantsPiece()) return false;
  if (!std::exchange(stalled_, false)) return false;
  if (WantsPiece()) responder_.Continue();
  UsePending();
  return true;
}

void RequestReader::Use(std::string_view received, bool more_may_follow) {
  more_may_follow_ = more_may_follow;
  if (pending_.empty()) {
    const std::size_t used = Process(received);
    pending_.assign(received.substr(used));
    return;
  }
  const bool worth_it = state_ != State::kHead || HeadParser::WorthParsing(pending_, received);
  pending_.append(received);
  if (worth_it || pending_.size() >= shared_.config.max_header) UsePending();
}

void RequestReader::UsePending() {
  pending_.erase(0, Process(pending_));
  if (pending_.empty())
    std::string().swap(pending_);  // frees the memory; assigning an empty string would not
}

std::size_t RequestReader::Process(std::string_view input) {
  std::size_t used = 0;
  while (!Closed() && !Switched()) {
    const bool pauses = responder_.Deferred()
                            ? !WantsPiece()
                            : responder_.Waiting() && responder_.Flush() != Output::Progress::kDrained;
    if (pauses) {
      stalled_ = true;
      break;
    }
    const std::string_view rest = input.substr(used);
    const std::size_t step = state_ == State::kHead ? ReadHead(rest) : ReadBody(rest);
    if (step == 0) break;
    used += step;
  }
  return used;
}

std::size_t RequestReader::ReadHead(std::string_view input) {
  if (const std::size_t empty = EmptyLineBytes(input); empty > 0) {
    empty_lines_ += static_cast<std::uint32_t>(empty / 2);
    if (empty_lines_ > kMaxEmptyLines) Refuse(400, {});
    return empty;
  }
  if (input.empty()) return 0;
  responder_.Arrive();
  const HeadResult result = shared_.parser.Parse(input);
  if (result.kind == HeadResult::Kind::kRefused) Refuse(result.refusal, input);
  if (result.kind != HeadResult::Kind::kComplete) return 0;
  return StartRequest(input.substr(0, result.size), input.substr(result.size));
}

std::size_t RequestReader::StartRequest(std::string_view head, std::string_view rest) {
  empty_lines_ = 0;
  completed_ = true;
  const RequestHead& parsed = shared_.parser.Head();
  const Framing& framing = parsed.framing;
  HttpRequest request = parsed.request;
  request.answer_by = std::exchange(answer_by_, std::nullopt);
  responder_.Sign(request);
  const BodyUse use =
      framing.kind == Framing::Kind::kNone ? BodyUse::kWhole : responder_.HandlerUseOfBody(request);
  if (use == BodyUse::kNone) {
    AnswerWithoutBody(request, head);
    return head.size();
  }
  if (use == BodyUse::kPieces) {
    request.body_follows = true;
    return StartPieces(request, head, parsed.expects_continue && rest.empty());
  }
  if (framing.kind != Framing::Kind::kChunked && rest.size() >= framing.length) {
    const auto length = static_cast<std::size_t>(framing.length);
    request.body = rest.substr(0, length);
    Answer(request, head);
    return head.size() + length;
  }
  // A client that has already sent part of the body does not wait for "100 Continue".
  if (parsed.expects_continue && rest.empty()) {
    responder_.OweContinue();
    responder_.Continue();
  }
  body_ = std::make_unique<RequestBody>(head, request, framing, shared_.config.max_body);
  state_ = State::kBody;
  return head.size();
}

std::size_t RequestReader::StartPieces(const HttpRequest& request, std::string_view head,
                                       bool expects_continue) {
  body_ = std::make_unique<RequestBody>(std::string_view(), HttpRequest(), shared_.parser.Head().framing,
                                        shared_.config.max_body);
  if (expects_continue) responder_.OweContinue();
  Answer(request, head);
  if (Closed()) {
    Shut();  // the body may follow
    return head.size();
  }
  pieces_ = responder_.Deferred();
  answered_ = !pieces_;
  state_ = State::kBody;
  if (WantsPiece()) responder_.Continue();
  return head.size();
}

std::size_t RequestReader::ReadBody(std::string_view input) {
  std::size_t used = 0;
  switch (body_->Feed(input, used)) {
    case ChunkedDecoder::State::kMore:
      if (WantsPiece() && used > 0) responder_.Current().Body(body_->Data(), false);
      if (answered_ || pieces_) body_->Forget();
      return used;
    case ChunkedDecoder::State::kMalformed: RefuseBody(400); return 0;
    case ChunkedDecoder::State::kTooLarge: RefuseBody(413); return 0;
    case ChunkedDecoder::State::kDone: break;
  }
  EndBody();
  return used;
}

void RequestReader::EndBody() {
  const std::unique_ptr<RequestBody> body = std::move(body_);
  state_ = State::kHead;
  completed_ = true;
  const bool answered = std::exchange(answered_, false);
  if (!std::exchange(pieces_, false)) {
    if (!answered) Answer(body->Request(), body->HeadBytes());
  } else if (responder_.Deferred()) {
    responder_.Current().Body(body->Data(), true);
  }
}

void RequestReader::RefuseBody(int status) {
  if (!answered_) return Refuse(status, body_->HeadBytes());
  // The client would take a second response for that of its next request.
  Shut();
}

void RequestReader::Refuse(int status, std::string_view head) {
  responder_.Deferred() ? responder_.RefuseDeferred(status) : responder_.Refuse(status, head);
  Shut();
}

void RequestReader::Shut() {
  body_.reset();
  state_ = State::kClosed;
  refused_ = true;
}

void RequestReader::Answer(const HttpRequest& request, std::string_view head) {
  // Old clients send an unannounced empty line after a body.
  client_ends_ = !request.keep_alive && request.body.empty();
  switch (responder_.Serve(request, head)) {
    case Served::kAnswered: break;
    case Served::kLast: state_ = State::kClosed; break;
    case Served::kLater: deferred_ = true; break;
    case Served::kSwitched: state_ = State::kSwitched; break;
  }
}

void RequestReader::Complete(Served served) {
  if (std::exchange(pieces_, false)) answered_ = true;  // what is left of its body is discarded
  if (served == Served::kSwitched) state_ = State::kSwitched;
  if (served != Served::kLast) return;
  if (answered_) refused_ = true;  // its body may follow
  body_.reset();
  state_ = State::kClosed;
}

void RequestReader::AnswerWithoutBody(HttpRequest request, std::string_view head) {
  const RequestHead& parsed = shared_.parser.Head();
  // A client that waited for "100 Continue" may send its body now or not, so the following bytes are
  // ambiguous.
  request.keep_alive = request.keep_alive && !parsed.expects_continue;
  Answer(request, head);
  if (Closed()) {
    refused_ = true;  // the body may follow
    return;
  }
  body_ = std::make_unique<RequestBody>(std::string_view(), HttpRequest(), parsed.framing,
                                        shared_.config.max_body);
  answered_ = true;
  state_ = State::kBody;
}

}  // namespace preforkd::http
