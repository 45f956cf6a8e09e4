#include "worker/http/access/password_thread.h"

#include <pthread.h>

#include <new>
#include <system_error>
#include <utility>

#include "common/base/sys_error.h"
#include "worker/http/access/password_hash.h"

namespace preforkd::http {

Result<std::unique_ptr<PasswordThread>> PasswordThread::Start(EventLoop& loop, Done done) {
  std::unique_ptr<PasswordThread> made(new PasswordThread(std::move(done)));
  Result<std::unique_ptr<LoopCalls>> calls = LoopCalls::Create(loop);
  if (!calls.Ok()) return calls.Err();
  made->calls_ = std::move(calls).Value();
  try {
    // The signals of the process stay with the loop thread: it has blocked them, and a thread inherits that.
    made->thread_ = std::thread([thread = made.get()] { thread->Live(); });
  } catch (const std::system_error& error) {
    return SysErrorOf(error.code().value(), "pthread_create");
  }
  (void)::pthread_setname_np(made->thread_.native_handle(), "passwords");
  // The C library makes system calls at the start of a thread that the filter does not allow.
  std::unique_lock lock(made->mutex_);
  made->changed_.wait(lock, [&] { return made->begun_; });
  lock.unlock();
  return made;
}

PasswordThread::~PasswordThread() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void PasswordThread::Live() {
  std::unique_lock lock(mutex_);
  begun_ = true;
  changed_.notify_all();
  for (;;) {
    changed_.wait(lock, [&] { return ending_ || task_.has_value(); });
    if (ending_) return;
    const PasswordTask task = std::move(*task_);
    task_.reset();
    busy_ = true;
    lock.unlock();
    bool right = false;
    try {
      right = IsPasswordOf({task.password.data(), task.password.size()}, task.hash);
    } catch (const std::bad_alloc&) {
      // Without memory no password is right: an exception would end the worker.
    }
    lock.lock();
    busy_ = false;
    result_ = {task.number, right};
    // It fails only if the loop has ended.
    (void)calls_->Post(
        {[](const LoopCall& call) { static_cast<PasswordThread*>(call.owner)->TakeResult(); }, this});
  }
}

void PasswordThread::Check(PasswordTask task) {
  {
    const std::lock_guard lock(mutex_);
    task_ = std::move(task);
  }
  changed_.notify_all();
}

bool PasswordThread::Finish() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    if (busy_) return false;
  }
  changed_.notify_all();
  thread_.join();
  return true;
}

void PasswordThread::TakeResult() {
  std::optional<std::pair<std::uint64_t, bool>> result;
  {
    const std::lock_guard lock(mutex_);
    result.swap(result_);
  }
  if (result) done_(result->first, result->second);
}

}  // namespace preforkd::http
