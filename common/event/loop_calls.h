// LoopCalls: calls from any thread into the thread of the loop. One for each loop; how application threads
// and modules wake it. The loop waits on one eventfd, which is written once for many calls.
//
// Post may be called from any thread, all else from the loop's only. The threads must be gone, or call no
// more, before it is destroyed.
#ifndef PREFORKD_COMMON_EVENT_LOOP_CALLS_H_
#define PREFORKD_COMMON_EVENT_LOOP_CALLS_H_

#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "common/base/result.h"
#include "common/base/unique_fd.h"
#include "common/event/event_loop.h"
#include "common/event/fd_watch.h"

namespace preforkd {

// One call. Plain data: in the steady state, posting allocates nothing.
struct LoopCall {
  // Called in the loop thread; it is given this. Must not throw.
  void (*run)(const LoopCall&) = nullptr;
  // For `run`, which knows what they are.
  void* owner = nullptr;
  void (*function)(void*) = nullptr;
  void* argument = nullptr;
};

class LoopCalls {
 public:
  // To be created in the thread of the loop. Error: no descriptor, or it cannot be watched.
  static Result<std::unique_ptr<LoopCalls>> Create(EventLoop& loop);
  LoopCalls(const LoopCalls&) = delete;
  LoopCalls& operator=(const LoopCalls&) = delete;

  // Any thread. `call` runs once, soon, in the order of the posts; never inside Post. 0; -ESHUTDOWN: Close
  // was called; -ENOMEM. If it is not 0, the call will not run.
  int Post(const LoopCall& call);
  // The loop ends: runs what was posted, and refuses what comes. Not inside a call.
  void Close();
  // The calling thread is the loop's.
  [[nodiscard]] bool InLoopThread() const { return std::this_thread::get_id() == loop_thread_; }

 private:
  LoopCalls(EventLoop& loop, UniqueFd fd);
  void OnReadable();
  void RunAll();

  const std::thread::id loop_thread_ = std::this_thread::get_id();
  UniqueFd fd_;
  FdWatch watch_;
  std::vector<LoopCall> running_;  // taken from the queue, to be run without the lock
  std::mutex mutex_;
  // Under the lock.
  std::vector<LoopCall> queue_;
  bool woken_ = false;  // the eventfd was written since the queue was last taken
  bool closed_ = false;
};

}  // namespace preforkd

#endif
