// pfd_request: one HTTP request as a module holds it: what it asks, its answer, and for how long it lives.
//
// Counted references: the handler's while handle() runs, one for each keep(), one for each call in progress.
// When none is left, an unanswered request is answered with 500, and its owner gets it back; it cannot be
// held any more from then on.
#ifndef PREFORKD_WORKER_MODULE_HTTP_MODULE_REQUEST_H_
#define PREFORKD_WORKER_MODULE_HTTP_MODULE_REQUEST_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "common/event/loop_calls.h"
#include "common/structures/deadline_heap.h"
#include "worker/api/module.h"
#include "worker/http/answer/handler.h"
#include "worker/module/http/app_threads.h"
#include "worker/module/http/arrived_body.h"
#include "worker/module/http/request_answer.h"
#include "worker/module/http/request_facts.h"

namespace preforkd::module {

// What a request needs of the service that made it. Loop thread only, but for Handle and OnFault.
class RequestOwner {
 public:
  // Nothing holds the request any more: destroy or reuse it.
  virtual void OnUnused(pfd_request& request) = 0;
  // Call the module, for a kept request: the client has left, may be sent more, has sent more.
  virtual void OnGone(pfd_request& request) = 0;
  virtual void OnDrained(pfd_request& request) = 0;
  virtual void OnArrived(pfd_request& request) = 0;
  // The module has a protocol of its own, which a connection can be taken over with. Any thread.
  [[nodiscard]] virtual bool HasProtocol() const = 0;
  // In an application thread: runs handle().
  virtual void Handle(pfd_request& request, std::size_t thread) = 0;
  // The module has done something wrong with this request. Any thread.
  virtual void OnFault(const HttpRequest& facts, std::string_view what) = 0;

 protected:
  ~RequestOwner() = default;
};

}  // namespace preforkd::module

// At global scope, because module.h names it.
struct pfd_request final : private preforkd::Exchange::Observer,
                           private preforkd::module::RequestAnswer::Host,
                           public preforkd::module::AppThreads::Job,
                           public preforkd::DeadlineHeap::Entry {
 public:
  // Both must outlive it.
  pfd_request(preforkd::module::RequestOwner& owner, preforkd::LoopCalls& calls)
      : owner_(owner), calls_(calls), answer_(*this) {}

  // ---- for the service; loop thread ----

  // Inside Start, before handle(): the arguments are valid until EndInline.
  void BeginInline(const preforkd::HttpRequest& request, preforkd::HttpResponse& response,
                   preforkd::Deferral& deferral);
  // handle() has returned. Drops the handler's reference.
  void EndInline();
  // For an application thread, which drops the handler's reference. A body in pieces is not begun before that
  // thread has begun the request: until then it can travel.
  void BeginDeferred(std::shared_ptr<preforkd::Exchange> exchange);
  // The time of the request is over. False: it was answered, or may go on.
  bool TimeOut();
  // Hands the connection back with the request, which no thread has begun and which may wait until `at`.
  // False: it stays here, also if its client has left.
  bool Travel() { return exchange_->Open() && exchange_->Travel(at); }
  // The application thread that has begun it, whose state of the module it belongs to; nullopt: none has.
  [[nodiscard]] std::optional<std::size_t> Runner() const {
    const std::size_t runner = runner_.load(std::memory_order_relaxed);
    return runner == kNobody ? std::nullopt : std::optional(runner);
  }
  // For another request. Precondition: it is not in use.
  void Reset();
  // AppThreads::Job
  void Run(std::size_t thread) override;

  // ---- for the functions of the server; any thread ----

  [[nodiscard]] preforkd::module::RequestFacts& Facts() { return facts_; }
  [[nodiscard]] preforkd::module::RequestAnswer& Answer() { return answer_; }
  std::int64_t Read(std::span<char> into);
  // See take_over in module.h.
  int TakeOver(std::string_view protocol, std::span<const pfd_field> fields, std::string_view context);
  void Keep();
  [[nodiscard]] bool Kept() const { return keeps_ > 0; }
  // Takes back one Keep; without one, no effect but a line in the log.
  void Drop();
  // Like Keep, for a call: the request is not kept by it. False: the last reference is gone, and the request
  // will soon be; never for a caller that has one.
  bool Hold();
  void Release();

  std::atomic<void*> data{nullptr};  // the module's own

 private:
  // Exchange::Observer
  void OnLeaving() override;
  void OnEnded() override;
  void OnRoom() override;
  void OnBody(std::string_view piece, bool last) override;
  // RequestAnswer::Host
  [[nodiscard]] bool InLoopThread() const override { return calls_.InLoopThread(); }
  void NeedExchange() override;
  bool PostDelivery() override;
  void OnFault(std::string_view what) override { owner_.OnFault(facts_.Request(), what); }

  void Attach(std::shared_ptr<preforkd::Exchange> exchange);
  void TellGone();
  // The last reference is gone: completes the answer, and tells the owner.
  void Settle();
  using InLoop = void (*)(const preforkd::LoopCall&);
  static const InLoop kReadOn;  // lets more of the body arrive
  // Calls `run` in the loop thread, with a reference. False: the worker ends.
  bool Post(InLoop run);

  preforkd::module::RequestOwner& owner_;
  preforkd::LoopCalls& calls_;
  preforkd::module::RequestFacts facts_;
  preforkd::module::RequestAnswer answer_;
  preforkd::module::ArrivedBody body_;            // if it comes in pieces
  preforkd::Deferral* deferral_ = nullptr;        // inside handle() in the loop thread
  std::shared_ptr<preforkd::Exchange> exchange_;  // loop thread only
  static constexpr std::size_t kNobody = SIZE_MAX;
  std::atomic<std::size_t> runner_{kNobody};
  std::atomic<std::uint32_t> references_{0};
  std::atomic<std::uint32_t> keeps_{0};
  bool in_pieces_ = false;
  bool told_gone_ = false;  // loop thread only
};

#endif
