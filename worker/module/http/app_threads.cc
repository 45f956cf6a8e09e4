#include "worker/module/http/app_threads.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

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
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  work_.notify_all();
  for (const Thread& thread : threads_) (void)::pthread_join(thread.id, nullptr);
}

Status AppThreads::Start(std::size_t count, const std::string& name) {
  const std::lock_guard lock(mutex_);
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
    // Shown by ps -L; at most 15 characters.
    (void)::pthread_setname_np(threads_[i].id, fmt::format("{:.11}-{}", name, i).c_str());
  }
  return {};
}

void AppThreads::Live(std::size_t thread) {
  for (;;) {
    const Work work = Next(thread);
    if (work.job != nullptr) {
      work.job->Run(thread);
    } else if (work.hook != nullptr) {
      work.hook->function(thread);
      HookRun(thread);
    } else {
      return;
    }
  }
}

AppThreads::Work AppThreads::Next(std::size_t thread) {
  std::unique_lock lock(mutex_);
  Thread& own = threads_[thread];
  if (std::exchange(own.running, nullptr) != nullptr) {
    --running_;
    Changed();
  }
  work_.wait(lock, [&] { return ending_ || DueHook(own) != nullptr || !queue_.empty(); });
  if (const Hook* const hook = DueHook(own)) return {nullptr, hook};
  if (queue_.empty()) return {};
  Job* const job = queue_.front();
  queue_.pop_front();
  own.running = job;
  ++running_;
  Changed();
  return {job, nullptr};
}

void AppThreads::HookRun(std::size_t thread) {
  const std::lock_guard lock(mutex_);
  --hooks_[threads_[thread].hooks_run++].left;
  told_.notify_all();
}

const AppThreads::Hook* AppThreads::DueHook(const Thread& thread) const {
  if (thread.hooks_run == hooks_.size()) return nullptr;
  const Hook& next = hooks_[thread.hooks_run];
  return next.after_jobs && !queue_.empty() ? nullptr : &next;
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

std::size_t AppThreads::AddHook(Each function, bool after_jobs) {
  hooks_.push_back({std::move(function), after_jobs, threads_.size()});
  work_.notify_all();
  return hooks_.size() - 1;
}

void AppThreads::RunInEach(Each hook) {
  const std::lock_guard lock(mutex_);
  AddHook(std::move(hook), false);
}

Status AppThreads::InEach(const std::function<Status(std::size_t)>& hook) {
  Status first;
  std::mutex first_mutex;
  std::unique_lock lock(mutex_);
  const std::size_t number = AddHook(
      [&](std::size_t thread) {
        Status status = hook(thread);
        const std::lock_guard first_lock(first_mutex);
        if (!status.Ok() && first.Ok()) first = std::move(status);
      },
      false);
  told_.wait(lock, [&] { return hooks_[number].left == 0; });
  return first;
}

bool AppThreads::Finish(Each last, Duration timeout) {
  std::unique_lock lock(mutex_);
  const std::size_t number = AddHook(std::move(last), true);
  return told_.wait_for(lock, timeout, [&] { return hooks_[number].left == 0; });
}

}  // namespace preforkd::module
