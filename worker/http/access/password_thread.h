// PasswordThread: checks a password in a thread of its own: that takes up to a second of CPU, and the loop
// serves others meanwhile. One for each service that asks for passwords. Which password is next is not
// decided here (password_turns.h).
//
// Everything but the hashing runs in the loop thread.
#ifndef PREFORKD_WORKER_HTTP_ACCESS_PASSWORD_THREAD_H_
#define PREFORKD_WORKER_HTTP_ACCESS_PASSWORD_THREAD_H_

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "common/base/result.h"
#include "common/base/secret_bytes.h"
#include "common/event/event_loop.h"
#include "common/event/loop_calls.h"

namespace preforkd::http {

// One password, and the hash that it should have.
struct PasswordTask {
  std::uint64_t number = 0;
  SecretBytes password;
  std::string hash;
};

class PasswordThread {
 public:
  // In the loop thread, once for each task.
  using Done = std::function<void(std::uint64_t number, bool right)>;

  // Before the worker's filter of system calls is installed. Error: no thread, or no descriptor.
  static Result<std::unique_ptr<PasswordThread>> Start(EventLoop& loop, Done done);
  PasswordThread(const PasswordThread&) = delete;
  PasswordThread& operator=(const PasswordThread&) = delete;
  // Waits for the check that runs.
  ~PasswordThread();

  // Precondition: the one before is done.
  void Check(PasswordTask task);
  // The process exits: nothing is checked any more. False: a check runs, and this must stay until the process
  // ends.
  bool Finish();

 private:
  explicit PasswordThread(Done done) : done_(std::move(done)) {}
  void Live();
  // In the loop thread.
  void TakeResult();

  const Done done_;
  std::unique_ptr<LoopCalls> calls_;
  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<PasswordTask> task_;  // not begun
  std::optional<std::pair<std::uint64_t, bool>> result_;
  bool begun_ = false;
  bool busy_ = false;
  bool ending_ = false;
};

}  // namespace preforkd::http

#endif
