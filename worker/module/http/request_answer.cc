#include "worker/module/http/request_answer.h"

#include <cerrno>
#include <utility>

#include "common/base/unique_fd.h"
#include "worker/http/answer/error_page.h"
#include "worker/module/host/values.h"

namespace preforkd::module {
namespace {

constexpr int kSwitching = 101;

// Puts the parts into an empty response, and takes the file. The response may be malformed then.
void Fill(HttpResponse& response, const AnswerParts& parts, UniqueFd file) {
  if (parts.status == kSwitching && !parts.protocol.empty()) {
    response.SwitchProtocols(parts.protocol, parts.context);
  } else {
    response.SetStatus(parts.status);
    // A status that no answer has is malformed, and has no page.
    if (parts.page && !response.Malformed()) AnswerStatus(response, parts.status);
    if (!parts.protocol.empty()) response.SetUpgrade(parts.protocol);
  }
  for (const pfd_field& field : parts.fields) response.AddHeader(ToView(field.name), ToView(field.value));
  if (file.Valid()) {
    response.SetFile(std::move(file), static_cast<off_t>(parts.offset), parts.size);
  } else if (!parts.page) {
    response.Body().assign(parts.body);
  }
}

}  // namespace

// ---- the request's side ----

void RequestAnswer::BeginInline(HttpResponse& response) {
  const std::lock_guard lock(mutex_);
  response_ = &response;
  active_ = Now();
}

void RequestAnswer::EndInline() {
  const std::lock_guard lock(mutex_);
  response_ = nullptr;
}

void RequestAnswer::BeginDeferred(Exchange& exchange) {
  const std::lock_guard lock(mutex_);
  exchange_ = &exchange;
  if (response_ == nullptr) active_ = Now();
  // Inside the call of the session: it takes the answer after it.
  if (phase_ == Phase::kAnswered && response_ != nullptr) exchange.Answer(std::move(*response_));
}

void RequestAnswer::Reset() {
  response_ = nullptr;
  exchange_ = nullptr;
  phase_ = Phase::kOpen;
  outbox_ = {};
  posted_ = false;
  leaving_ = false;
  waiting_ = 0;
}

void RequestAnswer::Started() {
  const std::lock_guard lock(mutex_);
  active_ = Now();
}

bool RequestAnswer::TimeOut(bool in_thread) {
  std::unique_lock lock(mutex_);
  // A kept streamed answer may be silent for as long as it likes; one that blocks a thread may not, unless it
  // waits for the client.
  const bool late = phase_ == Phase::kOpen || (phase_ == Phase::kStreaming && in_thread && !WaitsForRoom());
  if (!late) return false;
  phase_ = Phase::kTimedOut;
  outbox_ = {};
  room_.notify_all();
  lock.unlock();
  if (exchange_->Streaming()) {
    exchange_->Abandon("its handler was too slow");
  } else if (exchange_->Open()) {
    HttpResponse response;
    AnswerStatus(response, 504);
    exchange_->Answer(std::move(response));
  }
  return true;
}

void RequestAnswer::GiveUp() {
  {
    const std::lock_guard lock(mutex_);
    if (phase_ == Phase::kOpen) {
      host_.OnFault("500: it was given up without an answer");
      AnswerStatus(outbox_.response.emplace(), 500);
      phase_ = Phase::kAnswered;
    } else if (phase_ == Phase::kStreaming) {
      host_.OnFault("it was given up before the end of its answer");
      outbox_.abandoned = true;
    }
  }
  if (exchange_ != nullptr) Deliver();
}

void RequestAnswer::Leaving() {
  const std::lock_guard lock(mutex_);
  leaving_ = true;
}

void RequestAnswer::Ended() {
  const std::lock_guard lock(mutex_);
  if (phase_ == Phase::kTimedOut) return;
  phase_ = Phase::kEnded;  // also if the module has answered: the answer did not arrive
  room_.notify_all();
}

void RequestAnswer::Room() {
  const std::lock_guard lock(mutex_);
  waiting_ = 0;
  active_ = Now();
  room_.notify_all();
}

bool RequestAnswer::Gone() const {
  const std::lock_guard lock(mutex_);
  return leaving_ || phase_ == Phase::kEnded || phase_ == Phase::kTimedOut;
}

bool RequestAnswer::Open() const {
  const std::lock_guard lock(mutex_);
  return phase_ == Phase::kOpen;
}

bool RequestAnswer::Streams() const {
  const std::lock_guard lock(mutex_);
  return phase_ == Phase::kStreaming;
}

Time RequestAnswer::Active() const {
  const std::lock_guard lock(mutex_);
  return active_;
}

// ---- the module's side ----

int RequestAnswer::Refusal(Phase wanted) const {
  if (phase_ == wanted) return 0;
  switch (phase_) {
    case Phase::kEnded: return -EPIPE;
    case Phase::kOpen: return -EINVAL;  // a piece without a head
    case Phase::kStreaming:
    case Phase::kAnswered:
    case Phase::kTimedOut: break;
  }
  return -EALREADY;
}

void RequestAnswer::Replace(HttpResponse& response, const char* wrong) {
  host_.OnFault(wrong != nullptr ? wrong : "500: its answer is malformed");
  response.Clear();
  AnswerStatus(response, 500);
}

int RequestAnswer::Respond(const AnswerParts& parts) {
  UniqueFd file(parts.file);
  std::unique_lock lock(mutex_);
  if (const int refusal = Refusal(Phase::kOpen); refusal != 0) return refusal;
  phase_ = Phase::kAnswered;
  const bool straight = Straight() && host_.InLoopThread();
  HttpResponse& response = straight ? *response_ : outbox_.response.emplace();
  Fill(response, parts, std::move(file));
  const bool malformed = parts.wrong != nullptr || response.Malformed();
  if (malformed) Replace(response, parts.wrong);
  const int sent = straight ? 0 : Send(lock);
  return malformed ? -EINVAL : sent;
}

int RequestAnswer::Begin(const AnswerParts& head) {
  std::unique_lock lock(mutex_);
  if (const int refusal = Refusal(Phase::kOpen); refusal != 0) return refusal;
  if (Straight() && host_.InLoopThread()) {
    lock.unlock();  // nobody else has this request
    host_.NeedExchange();
    lock.lock();
  }
  HttpResponse& response = outbox_.response.emplace();
  Fill(response, head, UniqueFd());
  const bool malformed = response.Malformed();
  if (malformed) Replace(response, nullptr);
  phase_ = malformed ? Phase::kAnswered : Phase::kStreaming;
  outbox_.streamed = !malformed;
  active_ = Now();
  const int sent = Send(lock);
  return malformed ? -EINVAL : sent;
}

std::int64_t RequestAnswer::Write(std::string_view piece) {
  std::unique_lock lock(mutex_);
  if (const int refusal = Refusal(Phase::kStreaming); refusal != 0) return refusal;
  outbox_.pieces.append(piece);
  active_ = Now();
  if (const int sent = Send(lock); sent != 0) return sent;
  lock.lock();
  if (!host_.InLoopThread()) {
    room_.wait(lock, [this] { return phase_ != Phase::kStreaming || !WaitsForRoom(); });
    active_ = Now();
    return Refusal(Phase::kStreaming);
  }
  return phase_ == Phase::kEnded ? -EPIPE : static_cast<std::int64_t>(waiting_);
}

int RequestAnswer::End() {
  std::unique_lock lock(mutex_);
  if (const int refusal = Refusal(Phase::kStreaming); refusal != 0) return refusal;
  phase_ = Phase::kAnswered;
  outbox_.finished = true;
  return Send(lock);
}

void RequestAnswer::Fail() {
  std::unique_lock lock(mutex_);
  if (phase_ != Phase::kOpen) return;
  phase_ = Phase::kAnswered;
  const bool straight = Straight();
  HttpResponse& response = straight ? *response_ : outbox_.response.emplace();
  response.Clear();
  AnswerStatus(response, 500);
  if (!straight) (void)Send(lock);
}

// ---- to the exchange ----

int RequestAnswer::Send(std::unique_lock<std::mutex>& lock) {
  const bool here = host_.InLoopThread();
  const bool post = !here && !std::exchange(posted_, true);
  lock.unlock();
  if (here) Deliver();
  if (!post || host_.PostDelivery()) return 0;
  // The worker ends: nothing can be sent any more.
  lock.lock();
  phase_ = Phase::kEnded;
  room_.notify_all();
  lock.unlock();
  return -EPIPE;
}

void RequestAnswer::Deliver() {
  std::unique_lock lock(mutex_);
  posted_ = false;
  if (phase_ == Phase::kEnded || phase_ == Phase::kTimedOut) return;
  Outbox box = std::exchange(outbox_, {});
  lock.unlock();
  Give(box);
}

// Each call to the exchange may end the connection.
void RequestAnswer::Give(Outbox& box) {
  if (box.response && exchange_->Open()) {
    box.streamed ? exchange_->Begin(std::move(*box.response)) : exchange_->Answer(std::move(*box.response));
  }
  if (!box.pieces.empty() && exchange_->Streaming()) {
    const std::uint64_t waiting = exchange_->Write(box.pieces);
    const std::lock_guard lock(mutex_);
    waiting_ = waiting;
    room_.notify_all();
  }
  if (box.finished && exchange_->Streaming()) exchange_->Finish();
  if (box.abandoned && exchange_->Streaming()) exchange_->Abandon("its handler gave up");
}

}  // namespace preforkd::module
