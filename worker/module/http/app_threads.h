// AppThreads: the application threads of one service: they run the jobs of one queue, oldest first.
//
// The loop thread creates them before the worker is ready, adds jobs, and can take back a job that no thread
// has begun. A thread that blocks stays busy; nothing here waits for it. The threads end with the process.
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
  ~AppThreads();

  // Starts `count` threads. Each runs `init(thread)` first. Waits for all. Error: of the first init that
  // failed, or of pthread_create(3); the worker must not serve then.
  Status Start(std::size_t count, const std::string& name, std::function<Status(std::size_t)> init);

  void Add(Job& job);
  // In front of the others: it has waited before.
  void AddFirst(Job& job);
  // Removes a job from the queue. False: a thread has begun it.
  bool TakeBack(Job& job);
  // The thread that runs `job` now; nullopt: none does.
  [[nodiscard]] std::optional<pthread_t> RunnerOf(const Job& job);
  // Each thread runs `hook` soon, before its next job.
  void RunInEach(Each hook);
  // Each thread runs `last` after the queued jobs, and ends. Waits until all have, at most `timeout`; false:
  // one is still busy. After true, call nothing more but RunnerOf and TakeBack.
  bool Finish(Each last, Duration timeout);

 private:
  struct Thread {
    pthread_t id{};
    const Job* running = nullptr;
    bool hook_due = false;
  };
  // What a thread does next: a job, the hook, or neither: then it ends.
  struct Work {
    Job* job = nullptr;
    Each hook{};
  };

  void Live(std::size_t thread);
  // Waits. The job that `thread` was given before is done.
  Work Next(std::size_t thread);
  void Changed() { on_change_(queue_.size(), running_); }

  const std::function<void(std::size_t, std::size_t)> on_change_;
  std::mutex mutex_;
  std::condition_variable work_;  // a job or a hook was added, or `finishing_` was set
  std::condition_variable told_;  // a thread has started or ended
  std::deque<Job*> queue_;
  std::vector<Thread> threads_;
  std::function<Status(std::size_t)> init_;
  Each hook_;
  Each last_;
  Status started_{};  // the first error
  std::size_t ready_ = 0;
  std::size_t alive_ = 0;
  std::size_t running_ = 0;
  bool finishing_ = false;
};

}  // namespace preforkd::module

#endif
