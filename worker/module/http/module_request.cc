#include "worker/module/http/module_request.h"

#include <cerrno>
#include <utility>

#include "worker/connection/service.h"
#include "worker/http/syntax/upgrade.h"

using preforkd::Deferral;
using preforkd::Exchange;
using preforkd::HttpRequest;
using preforkd::HttpResponse;
using preforkd::LoopCall;

namespace {

pfd_request& Of(const LoopCall& call) { return *static_cast<pfd_request*>(call.owner); }

}  // namespace

// ---- the service's side ----

void pfd_request::BeginInline(const HttpRequest& request, HttpResponse& response, Deferral& deferral) {
  facts_.Set(request);
  answer_.BeginInline(response);
  deferral_ = &deferral;
  in_pieces_ = request.body_follows;
  references_ = 1;
  // A body in pieces arrives through the exchange, also while handle() runs.
  if (in_pieces_) Attach(deferral.Take());
}

void pfd_request::EndInline() {
  if (exchange_ == nullptr && answer_.Open()) {
    OnFault("500: its handler returned without an answer");
    answer_.Fail();
  }
  answer_.EndInline();
  deferral_ = nullptr;
  Release();
}

void pfd_request::BeginDeferred(std::shared_ptr<Exchange> exchange) {
  in_pieces_ = exchange->Request().body_follows;
  references_ = 1;
  Attach(std::move(exchange));
  if (in_pieces_) exchange_->HoldBody(true);
}

void pfd_request::Attach(std::shared_ptr<Exchange> exchange) {
  exchange_ = std::move(exchange);
  exchange_->Observe(this);
  facts_.Set(exchange_->Request());
  answer_.BeginDeferred(*exchange_);
}

void pfd_request::NeedExchange() { Attach(deferral_->Take()); }

bool pfd_request::TimeOut() {
  if (!answer_.TimeOut(Runner() && !Kept())) return false;
  body_.Stop();
  TellGone();
  return true;
}

void pfd_request::Run(std::size_t thread) {
  answer_.Started();
  runner_ = thread;
  // If the worker ends, nothing more arrives, here and below.
  if (in_pieces_) (void)Post(kReadOn);
  owner_.Handle(*this, thread);
  Release();
}

void pfd_request::Reset() {
  facts_.Reset();
  answer_.Reset();
  body_.Reset();
  exchange_.reset();
  runner_ = kNobody;
  references_ = 0;
  keeps_ = 0;
  told_gone_ = false;
  data = nullptr;
}

// ---- the module's side ----

std::int64_t pfd_request::Read(std::span<char> into) {
  if (!in_pieces_) return facts_.Read(into);
  bool read_on = false;
  const std::int64_t size = body_.Read(into, /*wait=*/!InLoopThread(), read_on);
  if (!read_on) return size;
  if (InLoopThread()) {
    exchange_->HoldBody(false);
  } else {
    (void)Post(kReadOn);
  }
  return size;
}

int pfd_request::TakeOver(std::string_view protocol, std::span<const pfd_field> fields,
                          std::string_view context) {
  preforkd::module::AnswerParts parts{
      .status = 101, .fields = fields, .protocol = protocol, .context = context};
  // One byte is the mark of a session that has left HTTP.
  constexpr std::size_t kMaxContext = preforkd::kMaxLuggageBytes - 1;
  if (!owner_.HasProtocol()) parts.wrong = "500: its connection cannot be taken over: no table `protocol`";
  if (context.size() > kMaxContext) parts.wrong = "500: the context of its session is too large";
  if (protocol.empty()) parts.wrong = "500: it is taken over without the name of a protocol";
  if (in_pieces_ && !body_.Complete()) {
    parts.wrong = "500: it is taken over before its body has arrived";
  }
  const bool asked = preforkd::http::AsksForUpgrade(facts_.Request(), protocol);
  if (parts.wrong == nullptr && !asked) {
    parts.status = 426;
    parts.fields = {};
  }
  const int result = answer_.Respond(parts);
  return result == 0 && parts.status != 101 ? -EPROTO : result;
}

void pfd_request::Keep() {
  Hold();
  keeps_.fetch_add(1, std::memory_order_relaxed);
  // The request must outlive handle(): from now on it has a copy.
  if (InLoopThread() && deferral_ != nullptr && exchange_ == nullptr) Attach(deferral_->Take());
}

void pfd_request::Drop() {
  std::uint32_t keeps = keeps_.load(std::memory_order_relaxed);
  do {
    if (keeps == 0) return OnFault("it was dropped more often than kept: no effect");
  } while (!keeps_.compare_exchange_weak(keeps, keeps - 1, std::memory_order_relaxed));
  Release();
}

bool pfd_request::Hold() {
  std::uint32_t references = references_.load(std::memory_order_relaxed);
  do {
    if (references == 0) return false;
  } while (!references_.compare_exchange_weak(references, references + 1, std::memory_order_relaxed));
  return true;
}

void pfd_request::Release() {
  if (references_.fetch_sub(1, std::memory_order_acq_rel) > 1) return;
  if (InLoopThread()) return Settle();
  // If the worker ends, nothing will ask for the request.
  (void)calls_.Post({[](const LoopCall& call) { Of(call).Settle(); }, this, nullptr, nullptr});
}

// ---- posts to the loop ----

const pfd_request::InLoop pfd_request::kReadOn = [](const LoopCall& call) {
  pfd_request& request = Of(call);
  request.exchange_->HoldBody(false);
  request.Release();
};

bool pfd_request::Post(InLoop run) {
  Hold();
  if (calls_.Post({run, this, nullptr, nullptr}) == 0) return true;
  references_.fetch_sub(1, std::memory_order_relaxed);
  return false;
}

bool pfd_request::PostDelivery() {
  return Post([](const LoopCall& call) {
    pfd_request& request = Of(call);
    request.answer_.Deliver();
    request.Release();
  });
}

// ---- what the exchange tells ----

void pfd_request::OnLeaving() {
  answer_.Leaving();
  TellGone();
}

void pfd_request::OnEnded() {
  answer_.Ended();
  body_.Stop();
  TellGone();
}

void pfd_request::OnRoom() {
  answer_.Room();
  if (Kept()) owner_.OnDrained(*this);
}

void pfd_request::OnBody(std::string_view piece, bool last) {
  if (body_.Arrive(piece, last)) exchange_->HoldBody(true);
  if (Kept()) owner_.OnArrived(*this);
}

void pfd_request::TellGone() {
  if (Kept() && !std::exchange(told_gone_, true)) owner_.OnGone(*this);
}

// ---- the end ----

void pfd_request::Settle() {
  if (exchange_ != nullptr) exchange_->Observe(nullptr);  // the module has dropped it: tell it nothing more
  references_ = 1;  // what is done now may take and give back references
  answer_.GiveUp();
  owner_.OnUnused(*this);
}
