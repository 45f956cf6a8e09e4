// BlockingModule: HTTP requests of a module whose handler may block. It runs in application threads; the loop
// thread reads requests, sends answers, and decides where a request waits.
//
// A request that finds no free thread waits here for a moment; or longer, while handlers are short and no
// other worker has a free thread (local_wait.h). Then the connection is handed back together with the
// request, which waits in the master for a thread of any worker: so no request waits behind a busy worker
// while another one is free, and a worker that is killed takes only what it has begun, and what has just
// come. When requests have waited long in the master, new ones go behind them at once, also those for which a
// thread is free here: else a client that is quick with its next request would keep that thread.
//
// With client-hash, requests wait here for as long as it takes; also while the worker retires or the server
// stops, unless another worker has a free thread.
//
// Loop thread only, but for Handle and OnFault.
#ifndef PREFORKD_WORKER_MODULE_HTTP_BLOCKING_MODULE_H_
#define PREFORKD_WORKER_MODULE_HTTP_BLOCKING_MODULE_H_

#include <deque>
#include <memory>

#include "common/scoreboard/thread_gauge.h"
#include "worker/module/http/http_module.h"
#include "worker/module/http/worker_threads.h"

namespace preforkd::module {

class BlockingModule final : public HttpModule {
 public:
  // `threads`: of the worker, as many as `states` has for them.
  BlockingModule(WorkerEnv& env, const ServiceConfig& config, LoopCalls& calls, ModuleStates& states,
                 std::shared_ptr<WorkerThreads> threads);
  ~BlockingModule() override;

  // Begins the states of the threads. Error: of the module's init.
  Status InitThreads();

  void Start(const HttpRequest& request, HttpResponse& response, Deferral& deferral) override;
  void OnRetire() override;
  bool OnExit() override;

 private:
  struct Waiting {
    pfd_request* request;
    Time since;   // it may be handed back a moment after that
    bool queued;  // for a thread of this worker; else it is handed back at once
  };

  void Handle(pfd_request& request, std::size_t thread) override { CallHandle(request, thread); }
  void OnUnused(pfd_request& request) override;
  void OnTimedOut(pfd_request& request) override;
  [[nodiscard]] Time Due(pfd_request& request) const override;
  // What waits for a thread can wait in the master.
  [[nodiscard]] bool MasterQueues() const;
  // Requests wait in the master for a thread, and have for so long that no other one may be begun before
  // them.
  [[nodiscard]] bool OthersAreNext(Time now) const;
  // Hands requests back that have waited long enough.
  void Spread();
  // The request is in no queue now; hands it back if it `may` leave. False: it is in the queue.
  bool HandBack(Waiting& waiting, bool may, Time now);
  // It was to be handed back, and now will not be. False: it is in the queue, or has been begun.
  bool TakeUnqueued(const pfd_request& request);
  // Forgets the requests at the front that a thread has begun.
  void ForgetBegun();
  void ArmSpread();

  const std::shared_ptr<WorkerThreads> worker_;
  AppThreads& threads_;          // its
  std::deque<Waiting> waiting_;  // in the order of arrival; a thread may have begun the first ones
  Timer spread_timer_;
};

}  // namespace preforkd::module

#endif
