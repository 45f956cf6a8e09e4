// ApplicationThread: one thread of a blocking module, with a state of its own. init, handle and end run in
// it.
#ifndef PREFORKD_TESTING_APPLICATION_THREAD_HPP
#define PREFORKD_TESTING_APPLICATION_THREAD_HPP

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

namespace pfd::testing::detail {

// Jobs of one thread, in order. A job that never returns keeps its thread, and what it uses, until the
// process ends; the test goes on.
class ApplicationThread {
 public:
  ApplicationThread() : shared_(std::make_shared<Shared>()), thread_([shared = shared_] { work(*shared); }) {}
  ~ApplicationThread() {
    {
      const std::lock_guard guard(shared_->lock);
      shared_->stop = true;
    }
    shared_->changed.notify_all();
    if (busy()) {
      thread_.detach();
    } else {
      thread_.join();
    }
  }
  ApplicationThread(const ApplicationThread&) = delete;
  ApplicationThread& operator=(const ApplicationThread&) = delete;

  void post(std::function<void()> job) {
    {
      const std::lock_guard guard(shared_->lock);
      shared_->jobs.push_back(std::move(job));
      ++shared_->unfinished;
    }
    shared_->changed.notify_all();
  }

  // Waits until all jobs are done. False: that took too long.
  bool wait(std::chrono::nanoseconds limit) {
    std::unique_lock guard(shared_->lock);
    return shared_->changed.wait_for(guard, limit, [&] { return shared_->unfinished == 0; });
  }

  [[nodiscard]] std::size_t unfinished() const {
    const std::lock_guard guard(shared_->lock);
    return shared_->unfinished;
  }
  [[nodiscard]] bool busy() const { return unfinished() != 0; }

 private:
  struct Shared {
    std::mutex lock;
    std::condition_variable changed;
    std::deque<std::function<void()>> jobs;
    std::size_t unfinished = 0;
    bool stop = false;
  };

  static void work(Shared& shared) {
    std::unique_lock guard(shared.lock);
    for (;;) {
      shared.changed.wait(guard, [&] { return shared.stop || !shared.jobs.empty(); });
      if (shared.jobs.empty()) return;
      {
        const std::function<void()> job = std::move(shared.jobs.front());
        shared.jobs.pop_front();
        guard.unlock();
        job();
      }
      guard.lock();
      --shared.unfinished;
      shared.changed.notify_all();
    }
  }

  std::shared_ptr<Shared> shared_;
  std::thread thread_;
};

}  // namespace pfd::testing::detail

#endif
