#include "worker/module/http/app_threads.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "common/base/check.h"
#include "common/base/sys_error.h"

namespace preforkd::module {
namespace {

void* Begin(void* function) {
  const std::unique_ptr<std::function<void()>> own(static_cast<std::function<void()>*>(function));
  (*own)();
  return nullptr;
}

}  // namespace

AppThreads::~AppThreads() {
  PF_CHECK(alive_ == 0, "application threads outlive what they use: end the process instead");
}

Status AppThreads::Start(std::size_t count, const std::string& name,
                         std::function<Status(std::size_t)> init) {
  std::unique_lock lock(mutex_);
  init_ = std::move(init);
  threads_.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    auto live = std::make_unique<std::function<void()>>([this, i] { Live(i); });
    // The signals of the process stay with the loop thread: it has blocked them, and a thread inherits that.
    const int error = ::pthread_create(&threads_[i].id, nullptr, &Begin, live.get());
    if (error != 0) {
      threads_.resize(i);
      return SysErrorOf(error, "pthread_create");
    }
    (void)live.release();  // the thread owns it
    ++alive_;
    // Shown by ps -L; at most 15 characters.
    (void)::pthread_setname_np(threads_[i].id, fmt::format("{:.11}-{}", name, i).c_str());
  }
  told_.wait(lock, [&] { return ready_ == count; });
  return started_;
}

void AppThreads::Live(std::size_t thread) {
  const Status status = init_(thread);
  {
    const std::lock_guard lock(mutex_);
    if (!status.Ok() && started_.Ok()) started_ = status;
    ++ready_;
    told_.notify_all();
  }
  for (;;) {
    const Work work = Next(thread);
    if (work.job != nullptr) {
      work.job->Run(thread);
    } else if (work.hook) {
      work.hook(thread);
    } else {
      break;
    }
  }
  if (last_) last_(thread);
  const std::lock_guard lock(mutex_);
  --alive_;
  told_.notify_all();
}

AppThreads::Work AppThreads::Next(std::size_t thread) {
  std::unique_lock lock(mutex_);
  Thread& own = threads_[thread];
  if (std::exchange(own.running, nullptr) != nullptr) {
    --running_;
    Changed();
  }
  work_.wait(lock, [&] { return finishing_ || own.hook_due || !queue_.empty(); });
  if (std::exchange(own.hook_due, false)) return {nullptr, hook_};
  if (queue_.empty()) return {};
  Job* const job = queue_.front();
  queue_.pop_front();
  own.running = job;
  ++running_;
  Changed();
  return {job, {}};
}

void AppThreads::Add(Job& job) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(&job);
    Changed();
  }
  work_.notify_one();
}

void AppThreads::AddFirst(Job& job) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_front(&job);
    Changed();
  }
  work_.notify_one();
}

bool AppThreads::TakeBack(Job& job) {
  const std::lock_guard lock(mutex_);
  if (std::erase(queue_, &job) == 0) return false;
  Changed();
  return true;
}

std::optional<pthread_t> AppThreads::RunnerOf(const Job& job) {
  const std::lock_guard lock(mutex_);
  for (const Thread& thread : threads_) {
    if (thread.running == &job) return thread.id;
  }
  return std::nullopt;
}

void AppThreads::RunInEach(Each hook) {
  {
    const std::lock_guard lock(mutex_);
    hook_ = std::move(hook);
    for (Thread& thread : threads_) thread.hook_due = true;
  }
  work_.notify_all();
}

bool AppThreads::Finish(Each last, Duration timeout) {
  std::unique_lock lock(mutex_);
  last_ = std::move(last);
  finishing_ = true;
  work_.notify_all();
  if (!told_.wait_for(lock, timeout, [&] { return alive_ == 0; })) return false;
  lock.unlock();
  // Each has only to return: after that it uses nothing of ours.
  for (const Thread& thread : threads_) (void)::pthread_join(thread.id, nullptr);
  threads_.clear();
  return true;
}

}  // namespace preforkd::module
