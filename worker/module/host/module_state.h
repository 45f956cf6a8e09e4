// pfd_service: one state of a module: of a service, in one thread. The module passes it to the functions of
// the server (host_service.h, host_loop.h), which find here what they work on.
//
// Owned by the service, for as long as the worker runs. Made and destroyed in the loop thread, before the
// loop; threads share what is constant in it; only the loop thread uses `work` and `faults`.
#ifndef PREFORKD_WORKER_MODULE_HOST_MODULE_STATE_H_
#define PREFORKD_WORKER_MODULE_HOST_MODULE_STATE_H_

#include <atomic>
#include <cstdint>

#include "common/config/config.h"
#include "common/event/loop_calls.h"
#include "common/structures/rate_limit.h"
#include "worker/api/module.h"
#include "worker/connection/worker_env.h"
#include "worker/module/host/loop_work.h"

namespace preforkd::module {

// Where the counters of a module's table are.
class CountSink {
 public:
  virtual ~CountSink() = default;
  // Any thread. `counter`: an index in the module's table; the sink ignores others.
  virtual void Count(std::uint32_t counter, std::uint64_t amount) = 0;
};

}  // namespace preforkd::module

// At global scope, because module.h names it.
struct pfd_service {
  // All must outlive it. `count`: nullptr if the module has no counters. `thread`: of the application
  // threads, from 0; behind them, if there are any, the state of the loop thread. `loop`: it is of that.
  pfd_service(preforkd::WorkerEnv& worker, const preforkd::ServiceConfig& configuration,
              preforkd::LoopCalls& loop_calls, preforkd::module::CountSink* count, std::uint32_t number,
              bool loop)
      : env(worker),
        config(configuration),
        calls(loop_calls),
        counters(count),
        thread(number),
        in_loop(loop),
        work(*this) {}
  pfd_service(const pfd_service&) = delete;
  pfd_service& operator=(const pfd_service&) = delete;

  preforkd::WorkerEnv& env;
  const preforkd::ServiceConfig& config;
  preforkd::LoopCalls& calls;
  preforkd::module::CountSink* const counters;
  const std::uint32_t thread;
  const bool in_loop;
  std::atomic<bool> misused{false};  // the log has a line about a call in a wrong thread

  // Loop thread only.
  preforkd::OncePerSecond faults;   // lines about functions of the module that failed
  preforkd::module::LoopWork work;  // its timers and watches
};

#endif
