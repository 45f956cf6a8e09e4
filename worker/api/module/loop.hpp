// Calls from the loop: posted calls, timers, watched descriptors. Made by Service (service.hpp).
//
// A call runs in the loop thread, so it must not block, not even in a blocking module. An exception that
// leaves it is logged. Each call owns what it captured, and frees it when it has run or was cancelled.
#ifndef PREFORKD_MODULE_LOOP_HPP
#define PREFORKD_MODULE_LOOP_HPP

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <stdexcept>
#include <utility>

#include "instance.hpp"

namespace pfd::inline v1 {
namespace detail {

// A call that may own what cannot be copied, unlike std::function.
struct Job {
  explicit Job(Instance* owner) : instance(owner) {}
  virtual ~Job() = default;
  virtual void call() = 0;

  Instance* const instance;
};

template <class Call>
struct JobOf final : Job {
  JobOf(Instance* owner, Call taken) : Job(owner), function(std::move(taken)) {}
  void call() override { function(); }

  Call function;
};

template <class Call>
std::unique_ptr<Job> job(Instance* instance, Call call) {
  return std::make_unique<JobOf<Call>>(instance, std::move(call));
}

inline void run_posted(void* argument) noexcept {
  const std::unique_ptr<Job> job(static_cast<Job*>(argument));
  const Scope scope(job->instance, true);
  guarded(job->instance, "a posted call", [&] { job->call(); });
}

// False: the worker ends, and the call is dropped.
template <class Call>
bool post(Instance* instance, Call call) {
  std::unique_ptr<Job> posted = job(instance, std::move(call));
  if (instance->host->post(instance->service, run_posted, posted.get()) != 0) return false;
  posted.release();
  return true;
}

// Touched in the loop thread only. While it is armed it owns itself.
class TimerCall {
 public:
  explicit TimerCall(std::unique_ptr<Job> job) : job_(std::move(job)) {}

  static void arm(const std::shared_ptr<TimerCall>& call, std::uint64_t nanoseconds) {
    if (!call->job_) return;  // cancelled before it came here
    const Instance* instance = call->job_->instance;
    call->timer_ = instance->host->after(instance->service, nanoseconds, fire, call.get());
    if (call->timer_ == nullptr) throw std::bad_alloc();
    call->self_ = call;
  }

  void cancel() {
    const std::unique_ptr<Job> job = std::move(job_);
    const std::shared_ptr<TimerCall> self = std::move(self_);
    if (timer_ != nullptr) job->instance->host->cancel(std::exchange(timer_, nullptr));
  }

 private:
  static void fire(void* argument) noexcept {
    auto* call = static_cast<TimerCall*>(argument);
    call->timer_ = nullptr;
    const std::shared_ptr<TimerCall> self = std::move(call->self_);
    const std::unique_ptr<Job> job = std::move(call->job_);
    const Scope scope(job->instance, true);
    guarded(job->instance, "a timer", [&] { job->call(); });
  }

  std::unique_ptr<Job> job_;
  pfd_timer* timer_ = nullptr;
  std::shared_ptr<TimerCall> self_;
};

// Touched in the loop thread only.
class WatchCall : public std::enable_shared_from_this<WatchCall> {
 public:
  WatchCall(Instance* instance, std::function<void(std::uint32_t)> call)
      : instance_(instance), call_(std::move(call)) {}

  void start(int fd, std::uint32_t interest) {
    watch_ = instance_->host->watch(instance_->service, fd, interest, ready, this);
    if (watch_ == nullptr) throw std::runtime_error("the descriptor cannot be watched");
  }

  void stop() {
    if (watch_ != nullptr) instance_->host->unwatch(std::exchange(watch_, nullptr));
  }

 private:
  static void ready(void* argument, std::uint32_t what) noexcept {
    // The call may destroy its own Watch.
    const std::shared_ptr<WatchCall> self = static_cast<WatchCall*>(argument)->shared_from_this();
    const Scope scope(self->instance_, true);
    guarded(self->instance_, "a watched descriptor", [&] { self->call_(what); });
  }

  Instance* instance_;
  std::function<void(std::uint32_t)> call_;
  pfd_watch* watch_ = nullptr;
};

}  // namespace detail

// A call that comes later. It comes also if this handle is dropped.
class Timer {
 public:
  Timer() = default;
  Timer(detail::Instance* instance, std::shared_ptr<detail::TimerCall> call)
      : instance_(instance), call_(std::move(call)) {}

  // Any thread. In the loop thread the call does not come any more; from another one it still may.
  void cancel() {
    const std::shared_ptr<detail::TimerCall> call = std::move(call_);
    if (!call) return;
    if (detail::current.in_loop) {
      call->cancel();
    } else {
      detail::post(instance_, [call] { call->cancel(); });
    }
  }

 private:
  detail::Instance* instance_ = nullptr;
  std::shared_ptr<detail::TimerCall> call_;
};

// Watches a descriptor until it is destroyed, in the loop thread; also inside its own call. The descriptor
// stays the module's, and is closed after this.
class Watch {
 public:
  Watch() = default;
  explicit Watch(std::shared_ptr<detail::WatchCall> call) : call_(std::move(call)) {}
  Watch(Watch&&) noexcept = default;
  Watch& operator=(Watch&& other) noexcept {
    reset();
    call_ = std::move(other.call_);
    return *this;
  }
  ~Watch() { reset(); }

  void reset() {
    if (call_) std::exchange(call_, nullptr)->stop();
  }

 private:
  std::shared_ptr<detail::WatchCall> call_;
};

}  // namespace pfd::inline v1

#endif
