// BlockingModule: HTTP requests of a module whose handler may block. It runs in application threads; the loop
// thread reads requests, sends answers, and decides where a request waits.
//
// A request that finds no free thread waits here for a moment. If another worker of the pool has a free
// thread by then, the connection is handed back together with the request (spread); otherwise it is looked at
// again and again. So no request waits behind a busy worker while another one is free.
//
// Loop thread only, but for Handle and OnFault.
#ifndef PREFORKD_WORKER_MODULE_HTTP_BLOCKING_MODULE_H_
#define PREFORKD_WORKER_MODULE_HTTP_BLOCKING_MODULE_H_

#include <deque>

#include "common/scoreboard/thread_gauge.h"
#include "worker/module/http/http_module.h"

namespace preforkd::module {

class BlockingModule final : public HttpModule {
 public:
  // `threads`: those that there will be, with the first states.
  BlockingModule(WorkerEnv& env, const ServiceConfig& config, LoopCalls& calls, ModuleStates& states,
                 std::size_t threads);
  ~BlockingModule() override;

  // Starts the threads. Error: of the module's init.
  Status StartThreads();

  void Start(const HttpRequest& request, HttpResponse& response, Deferral& deferral) override;
  void OnRetire() override;
  bool OnExit() override;

 private:
  struct Waiting {
    pfd_request* request;
    Time since;
  };

  void Handle(pfd_request& request, std::size_t thread) override { CallHandle(request, thread); }
  void OnUnused(pfd_request& request) override;
  void OnTimedOut(pfd_request& request) override;
  // Hands requests back that have waited long enough, as long as other workers are free.
  void Spread();
  // Forgets the requests at the front that a thread has begun.
  void ForgetBegun();
  void ArmSpread();

  const std::size_t count_;
  ThreadGauge gauge_;
  AppThreads threads_;
  std::deque<Waiting> waiting_;  // in the order of arrival; a thread may have begun the first ones
  Timer spread_timer_;
};

}  // namespace preforkd::module

#endif
