#include "common/event/readable_set.h"

#include <cerrno>
#include <utility>

#include "common/base/check.h"
#include "common/base/sys_error.h"

namespace preforkd {

ReadableSet::ReadableSet(EventLoop& loop, int priority, Callback callback)
    : loop_(loop), priority_(priority), callback_(std::move(callback)) {
  (void)Open();
}

Status ReadableSet::Open() {
  UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.Valid()) return SysError("epoll_create1");
  watch_.emplace(loop_, epoll.Get(), priority_, [this](Interest) { OnReadable(); });
  if (Status status = watch_->Want(Interest::kRead); !status.Ok()) {
    watch_.reset();
    return status;
  }
  epoll_ = std::move(epoll);
  return {};
}

Status ReadableSet::Add(int fd, Name name) {
  if (!epoll_.Valid()) {
    if (Status status = Open(); !status.Ok()) return status;
  }
  epoll_event event{};
  event.events = EPOLLIN | EPOLLRDHUP;
  event.data.ptr = name;
  if (::epoll_ctl(epoll_.Get(), EPOLL_CTL_ADD, fd, &event) != 0) return SysError("epoll_ctl");
  return {};
}

void ReadableSet::Remove(int fd, Name name) {
  // It was added and is open: this cannot fail.
  (void)::epoll_ctl(epoll_.Get(), EPOLL_CTL_DEL, fd, nullptr);
  for (epoll_event& event : due_) {
    if (event.data.ptr == name) event.data.ptr = nullptr;
  }
}

void ReadableSet::OnReadable() {
  const int count = ::epoll_wait(epoll_.Get(), ready_.data(), static_cast<int>(ready_.size()), 0);
  if (count < 0) {
    PF_CHECK(errno != EBADF && errno != EINVAL, "an epoll of our own cannot be waited for");
    return;  // the loop will report it again
  }
  due_ = std::span(ready_).first(static_cast<std::size_t>(count));
  while (!due_.empty()) {
    const epoll_event& event = due_.front();
    const Name name = event.data.ptr;
    const Reading reading = event.events == EPOLLIN ? Reading::kData : Reading::kPerhapsEnded;
    due_ = due_.subspan(1);
    if (name != nullptr) callback_(name, reading);
  }
}

}  // namespace preforkd
