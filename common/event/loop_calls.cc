#include "common/event/loop_calls.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <new>
#include <utility>

#include "common/base/check.h"
#include "common/base/sys_error.h"

namespace preforkd {

Result<std::unique_ptr<LoopCalls>> LoopCalls::Create(EventLoop& loop) {
  UniqueFd fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!fd.Valid()) return SysError("eventfd");
  std::unique_ptr<LoopCalls> calls(new LoopCalls(loop, std::move(fd)));
  if (const Status status = calls->watch_.Want(Interest::kRead); !status.Ok()) return status.Err();
  return calls;
}

LoopCalls::LoopCalls(EventLoop& loop, UniqueFd fd)
    : fd_(std::move(fd)),
      watch_(loop, fd_.Get(), EventLoop::kPriorityClient, [this](Interest) { OnReadable(); }) {}

int LoopCalls::Post(const LoopCall& call) {
  const std::lock_guard lock(mutex_);
  if (closed_) return -ESHUTDOWN;
  try {
    queue_.push_back(call);
  } catch (const std::bad_alloc&) {
    return -ENOMEM;
  }
  if (std::exchange(woken_, true)) return 0;
  // Under the lock: after it, Close may have been called and the descriptor closed. It cannot fail: the count
  // is 1 at most.
  const std::uint64_t one = 1;
  ssize_t size = 0;
  do {
    size = ::write(fd_.Get(), &one, sizeof(one));
  } while (size < 0 && errno == EINTR);
  PF_CHECK(size == sizeof(one), "an eventfd of our own cannot be written");
  return 0;
}

void LoopCalls::Close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  watch_.Stop();
  RunAll();
}

void LoopCalls::OnReadable() {
  std::uint64_t count = 0;
  // Before the queue is taken: a post behind it writes again. EAGAIN or EINTR: the loop reports it again.
  if (::read(fd_.Get(), &count, sizeof(count)) != sizeof(count)) return;
  RunAll();
}

void LoopCalls::RunAll() {
  {
    const std::lock_guard lock(mutex_);
    woken_ = false;
    running_.swap(queue_);  // the emptied vector keeps its memory for the next calls
  }
  for (const LoopCall& call : running_) call.run(call);
  running_.clear();
}

}  // namespace preforkd
