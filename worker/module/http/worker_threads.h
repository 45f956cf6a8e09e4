// WorkerThreads: the application threads of one worker, which its blocking services share, and their account:
// how many are busy, how many requests wait, and how long a handler takes. One set for the worker, because
// that is what others know of it: the master and the other workers see how many threads are free, not for
// which service.
#ifndef PREFORKD_WORKER_MODULE_HTTP_WORKER_THREADS_H_
#define PREFORKD_WORKER_MODULE_HTTP_WORKER_THREADS_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "common/base/result.h"
#include "common/scoreboard/thread_gauge.h"
#include "worker/connection/worker_env.h"
#include "worker/module/http/app_threads.h"
#include "worker/module/http/local_wait.h"

namespace preforkd::module {

// Requests wait in the master for a thread of this worker's pool. Any thread.
[[nodiscard]] bool OthersWait(const WorkerEnv& env);

class WorkerThreads {
 public:
  // Those of the worker: the first call starts `count` of them, and names them after its `service`. Loop
  // thread. Error: they could not be started, or are not `count`.
  static Result<std::shared_ptr<WorkerThreads>> Of(WorkerEnv& env, std::size_t count,
                                                   const std::string& service);

  // For Of. Threads are not running yet.
  WorkerThreads(WorkerEnv& env, std::size_t count);

  [[nodiscard]] AppThreads& Threads() { return threads_; }
  [[nodiscard]] const LocalWait& Wait() const { return wait_; }

 private:
  // The queue is locked.
  void OnChange(std::size_t waiting, std::size_t running);

  const WorkerEnv& env_;
  const std::size_t count_;
  ThreadGauge gauge_;
  LocalWait wait_;
  std::size_t running_ = 0;
  AppThreads threads_;
};

}  // namespace preforkd::module

#endif
