// Loop: the loop of a worker, in the thread of the test: posted calls, timers, watched descriptors.
//
// Its clock is the real one, plus what advance() added: a test waits for an hour without waiting. Only post()
// and wake() may be called from other threads.
#ifndef PREFORKD_TESTING_LOOP_HPP
#define PREFORKD_TESTING_LOOP_HPP

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "../module.h"

namespace pfd::testing::detail {

using Clock = std::chrono::steady_clock;
using std::chrono::nanoseconds;

class Loop {
 public:
  Loop() : wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (wake_ < 0) throw std::runtime_error("no eventfd");
  }
  ~Loop() { ::close(wake_); }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  void post(void (*call)(void*), void* argument) {
    {
      const std::lock_guard guard(lock_);
      posted_.emplace_back(call, argument);
    }
    wake();
  }
  void wake() const {
    const std::uint64_t one = 1;
    // A full counter wakes, too.
    static_cast<void>(!::write(wake_, &one, sizeof(one)));
  }

  pfd_timer* after(std::uint64_t delay, void (*call)(void*), void* argument) {
    constexpr std::uint64_t kLongest = 100ull * 365 * 86400 * 1'000'000'000;
    auto timer = std::make_unique<Timer>(Timer{call, argument});
    auto* handle = timer.get();
    timers_.emplace(now() + nanoseconds(std::min(delay, kLongest)), std::move(timer));
    return reinterpret_cast<pfd_timer*>(handle);
  }
  void cancel(pfd_timer* timer) {
    std::erase_if(timers_, [timer](const auto& each) { return id(each.second) == timer; });
  }

  pfd_watch* watch(int fd, std::uint32_t interest, void (*call)(void*, std::uint32_t), void* argument) {
    if (fd < 0 || ::fcntl(fd, F_GETFD) < 0) return nullptr;
    watches_.push_back(std::make_unique<Watch>(Watch{fd, interest, call, argument}));
    return reinterpret_cast<pfd_watch*>(watches_.back().get());
  }
  void unwatch(pfd_watch* watch) {
    std::erase_if(watches_, [watch](const auto& each) { return id(each) == watch; });
  }

  // Runs what is due, after waiting for at most `limit` until something is.
  void run_once(nanoseconds limit) {
    if (const auto first = timers_.begin(); first != timers_.end())
      limit = std::min(limit, first->first - now());
    poll_watches(std::max(limit, nanoseconds(0)));
    run_posted();
    run_timers();
  }

  // Runs until `done()`, at most for `limit` of real time. False: it was too long.
  template <class Done>
  bool run_until(Done done, nanoseconds limit) {
    const auto end = Clock::now() + limit;
    while (!done()) {
      const auto left = end - Clock::now();
      if (left <= nanoseconds(0)) return false;
      // Threads of a module may finish something without waking the loop.
      run_once(std::min<nanoseconds>(left, std::chrono::milliseconds(20)));
    }
    return true;
  }

  // What is due now, and what comes of it at once.
  void run_ready() {
    for (int rounds = 0; rounds < 3; ++rounds) run_once(nanoseconds(0));
  }

  // The clock goes forward, from timer to timer. It stands still meanwhile: a timer that is armed again by
  // its own call is due exactly one period later.
  void advance(nanoseconds time) {
    run_ready();
    const auto target = now() + time;
    for (fixed_ = now(); !timers_.empty() && timers_.begin()->first <= target; run_ready()) {
      fixed_ = std::max(*fixed_, timers_.begin()->first);
    }
    fixed_ = target;
    run_ready();
    shift_ = target - Clock::now();
    fixed_.reset();
  }

 private:
  struct Timer {
    void (*call)(void*);
    void* argument;
  };
  struct Watch {
    int fd;
    std::uint32_t interest;
    void (*call)(void*, std::uint32_t);
    void* argument;
  };

  template <class Owned>
  static const void* id(const std::unique_ptr<Owned>& owned) {
    return owned.get();
  }

  [[nodiscard]] Clock::time_point now() const { return fixed_.value_or(Clock::now() + shift_); }

  void run_posted() {
    std::deque<std::pair<void (*)(void*), void*>> calls;
    {
      const std::lock_guard guard(lock_);
      calls.swap(posted_);
    }
    for (const auto& [call, argument] : calls) call(argument);
  }

  void run_timers() {
    while (!timers_.empty() && timers_.begin()->first <= now()) {
      const Timer timer = *timers_.begin()->second;
      timers_.erase(timers_.begin());
      timer.call(timer.argument);
    }
  }

  void poll_watches(nanoseconds limit) {
    std::vector<pollfd> polled{{wake_, POLLIN, 0}};
    std::vector<const Watch*> watches;
    for (const auto& each : watches_) {
      const int events =
          ((each->interest & PFD_READ) != 0 ? POLLIN : 0) | ((each->interest & PFD_WRITE) != 0 ? POLLOUT : 0);
      polled.push_back({each->fd, static_cast<short>(events), 0});
      watches.push_back(each.get());
    }
    // Rounded up: a timer that is due in half a millisecond must not make this a busy loop.
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(limit);
    if (::poll(polled.data(), polled.size(), static_cast<int>(wait.count())) <= 0) return;
    std::uint64_t count = 0;
    static_cast<void>(!::read(wake_, &count, sizeof(count)));
    for (std::size_t i = 0; i < watches.size(); ++i) tell(watches[i], polled[i + 1].revents);
  }

  void tell(const Watch* watch, int events) {
    // A call before this one may have ended this watch.
    const auto found = std::find_if(watches_.begin(), watches_.end(),
                                    [watch](const auto& each) { return each.get() == watch; });
    if (events == 0 || found == watches_.end()) return;
    std::uint32_t ready = 0;
    if ((events & (POLLIN | POLLHUP | POLLERR)) != 0) ready |= PFD_READ;
    if ((events & (POLLOUT | POLLERR)) != 0) ready |= PFD_WRITE;
    ready &= watch->interest;
    if (ready != 0) watch->call(watch->argument, ready);
  }

  int wake_;
  nanoseconds shift_{0};
  std::optional<Clock::time_point> fixed_;  // inside advance()
  std::mutex lock_;
  std::deque<std::pair<void (*)(void*), void*>> posted_;
  std::multimap<Clock::time_point, std::unique_ptr<Timer>> timers_;
  std::vector<std::unique_ptr<Watch>> watches_;
};

}  // namespace pfd::testing::detail

#endif
