#include "worker/http/answer/exchange.h"

#include <fmt/format.h>

#include <iterator>
#include <utility>

#include "common/base/check.h"

namespace preforkd {

Exchange::Exchange(std::string_view head, const HttpRequest& request)
    : head_(head, request), body_(request.body), peer_(*request.peer), request_(head_.Request()) {
  request_.body = body_;
  request_.peer = &peer_;
  request_.connection = request.connection;
}

void Exchange::Answer(HttpResponse response) {
  PF_CHECK(state_ == State::kOpen, "a request was answered twice");
  state_ = State::kDone;
  if (sender_ != nullptr) return std::exchange(sender_, nullptr)->SendWhole(response);
  early_ = std::make_unique<Early>();
  early_->response = std::move(response);
}

void Exchange::Begin(HttpResponse head) {
  PF_CHECK(state_ == State::kOpen, "a request was answered twice");
  state_ = State::kStreaming;
  if (sender_ != nullptr) return sender_->SendHead(head);
  early_ = std::make_unique<Early>();
  early_->response = std::move(head);
  early_->streamed = true;
}

std::uint64_t Exchange::Write(std::string_view piece) {
  PF_CHECK(state_ == State::kStreaming, "a piece was written outside of a streamed answer");
  if (sender_ == nullptr) {
    early_->pieces.append(piece);
    return early_->pieces.size();
  }
  sender_->SendPiece(piece);
  if (sender_ == nullptr) return 0;  // the connection has ended
  const std::uint64_t waiting = sender_->Unsent();
  above_mark_ = waiting > kMark;
  if (waiting > kMaxWaiting) sender_->Abandon("its handler does not wait for the client");
  return waiting;
}

void Exchange::Finish() {
  PF_CHECK(state_ == State::kStreaming, "the end of an answer that was not begun");
  state_ = State::kDone;
  if (sender_ != nullptr) return std::exchange(sender_, nullptr)->SendEnd();
  early_->finished = true;
}

void Exchange::Abandon(const char* why) {
  PF_CHECK(state_ == State::kStreaming, "an answer was abandoned that was not begun");
  state_ = State::kDone;
  if (sender_ != nullptr) return std::exchange(sender_, nullptr)->Abandon(why);
  early_->finished = false;
}

void Exchange::Attach(Sender& sender) {
  sender_ = &sender;
  const std::unique_ptr<Early> early = std::move(early_);
  if (early == nullptr) return;
  if (!early->streamed) return std::exchange(sender_, nullptr)->SendWhole(early->response);
  sender.SendHead(early->response);
  if (sender_ != nullptr && !early->pieces.empty()) sender_->SendPiece(early->pieces);
  if (sender_ == nullptr) return;
  above_mark_ = sender_->Unsent() > kMark;
  if (state_ != State::kDone) return;
  Sender& last = *std::exchange(sender_, nullptr);
  early->finished ? last.SendEnd() : last.Abandon("its handler gave up");
}

void Exchange::Detach() {
  sender_ = nullptr;
  if (state_ == State::kDone) return;
  state_ = State::kEnded;
  if (observer_ != nullptr) observer_->OnEnded();
}

void Exchange::HoldBody(bool hold) {
  const bool goes_on = std::exchange(body_held_, hold) && !hold;
  if (goes_on && sender_ != nullptr) sender_->ReadOn();
}

void Exchange::Body(std::string_view piece, bool last) {
  if (observer_ != nullptr) observer_->OnBody(piece, last);
}

bool Exchange::Travel() {
  PF_CHECK(state_ == State::kOpen, "a request that is being answered cannot travel");
  if (sender_ == nullptr) return false;
  offered_ = true;
  sender_->Travel();
  offered_ = false;
  return state_ == State::kEnded;
}

std::string Exchange::RequestBytes() const {
  std::string bytes(head_.Bytes());
  if (!request_.Field("transfer-encoding")) return bytes + body_;
  if (!body_.empty()) fmt::format_to(std::back_inserter(bytes), "{:x}\r\n{}\r\n", body_.size(), body_);
  return bytes + "0\r\n\r\n";
}

std::size_t Exchange::RequestSize() const {
  constexpr std::size_t kChunkLines = 32;
  return head_.Bytes().size() + body_.size() + kChunkLines;
}

void Exchange::Leaving() {
  if (std::exchange(leaving_, true) || observer_ == nullptr) return;
  observer_->OnLeaving();
}

void Exchange::Sent() {
  if (!above_mark_ || sender_ == nullptr || sender_->Unsent() > kMark) return;
  above_mark_ = false;
  if (observer_ != nullptr) observer_->OnRoom();
}

}  // namespace preforkd
