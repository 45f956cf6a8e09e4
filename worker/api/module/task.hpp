// Task: a coroutine of an event module. It runs in the loop thread and waits without blocking it:
//
//   pfd::Task<> ticks(pfd::Request request, pfd::Stream& out) {
//     for (int i = 0; co_await out.write("tick\n"); ++i) co_await pfd::sleep(1s);
//   }
//
// Task<Response> is answered with what it returns. A Task may co_await another one. It begins when it is
// awaited, or when the server calls the handler.
#ifndef PREFORKD_MODULE_TASK_HPP
#define PREFORKD_MODULE_TASK_HPP

#include <chrono>
#include <coroutine>
#include <cstdint>
#include <exception>
#include <optional>
#include <utility>

#include "service.hpp"

namespace pfd::inline v1 {

template <class Value = void>
class Task;

namespace detail {

class PromiseBase {
 public:
  // At the end the one that waits goes on, on the same stack.
  struct Final {
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> ended) noexcept {
      return ended.promise().waiting;
    }
    void await_resume() const noexcept {}
  };

  std::suspend_always initial_suspend() noexcept { return {}; }
  Final final_suspend() noexcept { return {}; }
  void unhandled_exception() { exception = std::current_exception(); }

  std::coroutine_handle<> waiting = std::noop_coroutine();
  std::exception_ptr exception;
};

template <class Value>
class Promise : public PromiseBase {
 public:
  Task<Value> get_return_object();
  template <class Given>
  void return_value(Given&& given) {
    value_.emplace(std::forward<Given>(given));
  }
  Value result() {
    if (exception) std::rethrow_exception(exception);
    return std::move(*value_);
  }

 private:
  std::optional<Value> value_;
};

template <>
class Promise<void> : public PromiseBase {
 public:
  Task<void> get_return_object();
  void return_void() {}
  void result() const {
    if (exception) std::rethrow_exception(exception);
  }
};

}  // namespace detail

template <class Value>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::Promise<Value>;

  explicit Task(std::coroutine_handle<promise_type> coroutine) : coroutine_(coroutine) {}
  Task(Task&& other) noexcept : coroutine_(std::exchange(other.coroutine_, nullptr)) {}
  Task& operator=(Task&&) = delete;
  ~Task() {
    if (coroutine_) coroutine_.destroy();
  }

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> waiting) noexcept {
    coroutine_.promise().waiting = waiting;
    return coroutine_;
  }
  Value await_resume() { return coroutine_.promise().result(); }

 private:
  std::coroutine_handle<promise_type> coroutine_;
};

namespace detail {

template <class Value>
Task<Value> Promise<Value>::get_return_object() {
  return Task<Value>(std::coroutine_handle<Promise>::from_promise(*this));
}
inline Task<void> Promise<void>::get_return_object() {
  return Task<void>(std::coroutine_handle<Promise>::from_promise(*this));
}

// A coroutine that nobody waits for, and that frees itself. It must catch everything.
struct Detached {
  struct promise_type {
    Detached get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() noexcept { std::terminate(); }
  };
};

class Sleep {
 public:
  explicit Sleep(std::chrono::nanoseconds time) : time_(time) {}
  [[nodiscard]] bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> waiting) const {
    service().after(time_, [waiting] { waiting.resume(); });
  }
  void await_resume() const {}

 private:
  std::chrono::nanoseconds time_;
};

class Ready {
 public:
  Ready(int fd, std::uint32_t interest) : fd_(fd), interest_(interest) {}
  [[nodiscard]] bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> waiting) {
    watch_ = service().watch(fd_, interest_, [this, waiting](std::uint32_t ready) {
      ready_ = ready;
      watch_.reset();
      waiting.resume();
    });
  }
  [[nodiscard]] std::uint32_t await_resume() const { return ready_; }

 private:
  int fd_;
  std::uint32_t interest_;
  std::uint32_t ready_ = 0;
  Watch watch_;
};

}  // namespace detail

// co_await pfd::sleep(1s). It goes on also if the client has left: write() and gone() tell.
inline detail::Sleep sleep(std::chrono::nanoseconds time) { return detail::Sleep(time); }

// co_await pfd::ready(fd, PFD_READ): which of PFD_READ | PFD_WRITE it is ready for.
inline detail::Ready ready(int fd, std::uint32_t interest) { return detail::Ready(fd, interest); }

}  // namespace pfd::inline v1

#endif
