// PasswordThread: checks passwords, one after the other, in a thread of its own: a check takes up to a second
// of CPU, and the loop serves others meanwhile. One for each service that asks for passwords.
//
// Everything but the hashing runs in the loop thread.
#ifndef PREFORKD_WORKER_HTTP_ACCESS_PASSWORD_THREAD_H_
#define PREFORKD_WORKER_HTTP_ACCESS_PASSWORD_THREAD_H_

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

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
  // In the loop thread, once for each task that was not removed.
  using Done = std::function<void(std::uint64_t number, bool right)>;

  // Before the worker's filter of system calls is installed. Error: no thread, or no descriptor.
  static Result<std::unique_ptr<PasswordThread>> Start(EventLoop& loop, Done done);
  PasswordThread(const PasswordThread&) = delete;
  PasswordThread& operator=(const PasswordThread&) = delete;
  // Waits for the check that runs.
  ~PasswordThread();

  void Add(PasswordTask task);
  // False: it has been begun.
  bool Remove(std::uint64_t number);
  // The process exits: nothing is checked any more. False: a check runs, and this must stay until the process
  // ends.
  bool Finish();

 private:
  explicit PasswordThread(Done done) : done_(std::move(done)) {}
  void Live();
  // In the loop thread.
  void TakeResults();

  const Done done_;
  std::unique_ptr<LoopCalls> calls_;
  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<PasswordTask> queue_;
  std::vector<std::pair<std::uint64_t, bool>> results_;
  bool begun_ = false;
  bool busy_ = false;
  bool ending_ = false;
};

}  // namespace preforkd::http

#endif
