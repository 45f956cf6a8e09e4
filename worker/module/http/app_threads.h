// AppThreads: the application threads of a worker: they run the jobs of one queue, oldest first.
//
// The loop thread creates them before the worker is ready, adds jobs, and can take back a job that no thread
// has begun. A thread that blocks stays busy; nothing here waits for it for longer than it is told.
#ifndef PREFORKD_WORKER_MODULE_HTTP_APP_THREADS_H_
#define PREFORKD_WORKER_MODULE_HTTP_APP_THREADS_H_

#include <pthread.h>

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"

namespace preforkd::module {

class AppThreads {
 public:
  // One piece of work. Owned by the caller of Add; it must outlive its run.
  class Job {
   public:
    // In application thread `thread`. May destroy the job. Must not throw.
    virtual void Run(std::size_t thread) = 0;

   protected:
    ~Job() = default;
  };

  // For one thread, by its number.
  using Each = std::function<void(std::size_t thread)>;

  // `on_change` is told how many jobs wait and how many run, whenever that changes, in any of the threads.
  // The queue is locked then: it must be short, and call nothing here.
  explicit AppThreads(std::function<void(std::size_t waiting, std::size_t running)> on_change)
      : on_change_(std::move(on_change)) {}
  AppThreads(const AppThreads&) = delete;
  AppThreads& operator=(const AppThreads&) = delete;
  // Waits for what runs and what is queued. If that may take long, end the process instead.
  ~AppThreads();

  // Starts `count` threads; once. Error: of pthread_create(3).
  Status Start(std::size_t count, const std::string& name);
  // Each thread runs `hook`, before its next job. Waits until all have. Error: of the first that failed.
  Status InEach(const std::function<Status(std::size_t)>& hook);

  void Add(Job& job);
  // In front of the others: it has waited before.
  void AddFirst(Job& job);
  // Removes a job from the queue. False: a thread has begun it.
  bool TakeBack(Job& job);
  // The thread that runs `job` now; nullopt: none does.
  [[nodiscard]] std::optional<pthread_t> RunnerOf(const Job& job);
  // Each thread runs `hook` soon, before its next job.
  void RunInEach(Each hook);
  // Each thread runs `last` when nothing is queued. Waits until all have, at most `timeout`; false: one is
  // still busy, and what `last` uses must stay until the process ends.
  bool Finish(Each last, Duration timeout);

 private:
  struct Thread {
    pthread_t id{};
    const Job* running = nullptr;
    std::size_t hooks_run = 0;  // so many of hooks_
  };
  struct Hook {
    Each function;
    bool after_jobs;
    std::size_t left;  // threads that have not run it
  };
  // What a thread does next: a job, a hook, or neither: then it ends.
  struct Work {
    Job* job = nullptr;
    const Hook* hook = nullptr;
  };

  void Live(std::size_t thread);
  // Waits. What `thread` was given before is done.
  Work Next(std::size_t thread);
  // The next one of the thread, if it may run now; nullptr: none. The queue is locked.
  const Hook* DueHook(const Thread& thread) const;
  void HookRun(std::size_t thread);
  // The number of the new one. The queue is locked.
  std::size_t AddHook(Each function, bool after_jobs);
  void Changed() { on_change_(queue_.size(), running_); }

  const std::function<void(std::size_t, std::size_t)> on_change_;
  std::mutex mutex_;
  std::condition_variable work_;  // a job or a hook was added, or `ending_` was set
  std::condition_variable told_;  // a thread has run a hook
  std::deque<Job*> queue_;
  std::vector<Thread> threads_;
  std::deque<Hook> hooks_;  // all that there were: a few for each service
  std::size_t running_ = 0;
  bool ending_ = false;
};

}  // namespace preforkd::module

#endif
