// HttpModule: what event and blocking modules have in common: their states, their requests, and the time that
// a request may take.
//
// Loop thread only, but for OnFault and Handle.
#ifndef PREFORKD_WORKER_MODULE_HTTP_HTTP_MODULE_H_
#define PREFORKD_WORKER_MODULE_HTTP_HTTP_MODULE_H_

#include <memory>
#include <mutex>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/event/loop_calls.h"
#include "common/event/timer.h"
#include "common/structures/deadline_heap.h"
#include "common/structures/rate_limit.h"
#include "worker/http/answer/handler.h"
#include "worker/module/host/module_states.h"
#include "worker/module/http/module_request.h"

namespace preforkd::module {

class HttpModule : public RequestHandler, protected RequestOwner {
 public:
  // `calls`: of this service. `states` and the others must outlive it. The time of a request is the
  // request_timeout of `config`, if it has one; of a module that is part of the program it has none, and the
  // time is what that of others is by default.
  HttpModule(WorkerEnv& env, const ServiceConfig& config, LoopCalls& calls, ModuleStates& states);
  HttpModule(const HttpModule&) = delete;
  HttpModule& operator=(const HttpModule&) = delete;
  ~HttpModule() override;

  [[nodiscard]] BodyUse UseOfBody(const HttpRequest&) const override {
    if ((states_.Module().flags & PFD_NO_BODY) != 0) return BodyUse::kNone;
    return (states_.Module().flags & PFD_PIECES) != 0 ? BodyUse::kPieces : BodyUse::kWhole;
  }

 protected:
  // A request that is not in use. It is, until OnUnused.
  [[nodiscard]] pfd_request& Fresh();
  // When its time is over.
  [[nodiscard]] virtual Time Due(pfd_request& request) const { return request.Answer().Active() + timeout_; }
  // Starts its time. Precondition: it is deferred.
  void Watch(pfd_request& request);
  // Calls handle() of the module; an exception is answered with 500. Any thread.
  void CallHandle(pfd_request& request, std::size_t state);
  // The time of `request` is over, and the client was answered.
  virtual void OnTimedOut(pfd_request& request) = 0;

  // RequestOwner
  void OnUnused(pfd_request& request) override;
  void OnGone(pfd_request& request) override;
  void OnDrained(pfd_request& request) override;
  void OnArrived(pfd_request& request) override;
  [[nodiscard]] bool HasProtocol() const override { return states_.Module().protocol != nullptr; }
  void OnFault(const HttpRequest& facts, std::string_view what) override;

  WorkerEnv& env_;
  const ServiceConfig& config_;
  LoopCalls& calls_;
  ModuleStates& states_;

 private:
  // Calls one of the module's functions for a kept request; nullptr: it has none.
  void Tell(pfd_request& request, const char* what, void (*function)(void*, pfd_request*));
  void CheckTimes();
  void ArmTimer();

  const Duration timeout_;
  std::unordered_map<const pfd_request*, std::unique_ptr<pfd_request>> requests_;  // used and spare
  std::vector<pfd_request*> spare_;
  DeadlineHeap deadlines_;
  Timer timer_;
  Time timer_at_{};  // while it is pending
  std::mutex fault_mutex_;
  OncePerSecond fault_lines_;
};

}  // namespace preforkd::module

#endif
