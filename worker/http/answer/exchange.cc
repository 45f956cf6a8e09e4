#include "worker/http/answer/exchange.h"

#include <utility>

#include "common/base/check.h"

namespace preforkd {

Exchange::Held& Exchange::Hold() {
  if (held_ != nullptr) return *held_;
  held_ = std::make_unique<Held>();
  if (sender_ != nullptr) sender_->WakeSoon();
  return *held_;
}

void Exchange::Answer(HttpResponse response) {
  PF_CHECK(state_ == State::kOpen, "a request was answered twice");
  state_ = State::kDone;
  if (MaySend()) return std::exchange(sender_, nullptr)->SendWhole(response);
  Held& held = Hold();
  held.response = std::move(response);
  held.whole = true;
}

void Exchange::Begin(HttpResponse head) {
  PF_CHECK(state_ == State::kOpen, "a request was answered twice");
  state_ = State::kStreaming;
  if (MaySend()) return sender_->SendHead(head);
  Hold().response = std::move(head);
}

std::uint64_t Exchange::Write(std::string_view piece) {
  PF_CHECK(state_ == State::kStreaming, "a piece was written outside of a streamed answer");
  if (MaySend()) {
    sender_->SendPiece(piece);
    if (state_ != State::kStreaming) return 0;  // the connection has ended, or the observer has
  } else {
    Hold().pieces.append(piece);
  }
  const std::uint64_t waiting =
      (held_ == nullptr ? 0 : held_->pieces.size()) + (sender_ == nullptr ? 0 : sender_->Unsent());
  above_mark_ = waiting > kMark;
  if (waiting <= kMaxWaiting) return waiting;
  Abandon("its handler does not wait for the client");
  state_ = State::kEnded;
  if (observer_ != nullptr) observer_->OnEnded();
  return waiting;
}

void Exchange::Finish() {
  PF_CHECK(state_ == State::kStreaming, "the end of an answer that was not begun");
  state_ = State::kDone;
  if (MaySend()) return std::exchange(sender_, nullptr)->SendEnd();
  Hold().finished = true;
}

void Exchange::Abandon(const char* why) {
  PF_CHECK(state_ == State::kStreaming, "an answer was abandoned that was not begun");
  state_ = State::kDone;
  if (MaySend()) return std::exchange(sender_, nullptr)->Abandon(why);
  Hold().gave_up = why;
}

void Exchange::Attach(Sender& sender) {
  sender_ = &sender;
  SendHeld();
}

void Exchange::SendHeld() {
  const std::unique_ptr<Held> held = std::move(held_);
  if (held == nullptr) return;
  if (held->whole) return std::exchange(sender_, nullptr)->SendWhole(*held->response);
  // No OnRoom in the middle: what it writes would overtake the pieces.
  const bool above = std::exchange(above_mark_, false);
  if (held->response) sender_->SendHead(*held->response);
  if (sender_ != nullptr && !held->pieces.empty()) sender_->SendPiece(held->pieces);
  if (sender_ == nullptr) return;
  if (held->finished) return std::exchange(sender_, nullptr)->SendEnd();
  if (held->gave_up != nullptr) return std::exchange(sender_, nullptr)->Abandon(held->gave_up);
  above_mark_ = above;
  Sent();
}

void Exchange::Detach() {
  sender_ = nullptr;
  held_.reset();
  if (Over()) return;
  state_ = State::kEnded;
  if (observer_ != nullptr) observer_->OnEnded();
}

void Exchange::HoldBody(bool hold) {
  if (std::exchange(body_held_, hold) == hold || sender_ == nullptr) return;
  sender_->Ready() ? sender_->ReadingChanged() : sender_->WakeSoon();
}

void Exchange::Body(std::string_view piece, bool last) {
  body_begun_ = true;
  if (!Over() && observer_ != nullptr) observer_->OnBody(piece, last);
}

bool Exchange::Travel(Time answer_by) {
  PF_CHECK(state_ == State::kOpen, "a request that is being answered cannot travel");
  if (sender_ == nullptr || !sender_->Ready()) return false;
  offered_ = true;
  answer_by_ = answer_by;
  sender_->Travel();
  offered_ = false;
  return state_ == State::kEnded;
}

void Exchange::Leaving() {
  if (!std::exchange(leaving_, true)) TellLeaving();
}

void Exchange::TellLeaving() {
  if (leaving_ && !Over() && observer_ != nullptr) observer_->OnLeaving();
}

void Exchange::Sent() {
  if (!above_mark_ || sender_ == nullptr || sender_->Unsent() > kMark) return;
  above_mark_ = false;
  if (observer_ != nullptr) observer_->OnRoom();
}

}  // namespace preforkd
