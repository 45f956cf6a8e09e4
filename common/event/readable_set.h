// ReadableSet: watches very many borrowed descriptors for being readable, and for nothing else.
// Level-triggered. It is an epoll instance inside the loop's: an FdWatch needs some 200 bytes for each
// descriptor, and these may do nothing for minutes. The price: each epoll_ctl add to a nested epoll makes the
// kernel check for cycles, under one lock for the whole system (epoll_ctl(2)).
//
// As with FdWatch, a descriptor must be removed before it is closed or sent to another process (epoll(7)).
#ifndef PREFORKD_COMMON_EVENT_READABLE_SET_H_
#define PREFORKD_COMMON_EVENT_READABLE_SET_H_

#include <sys/epoll.h>

#include <array>
#include <cstddef>
#include <functional>
#include <optional>
#include <span>

#include "common/base/result.h"
#include "common/base/unique_fd.h"
#include "common/event/event_loop.h"
#include "common/event/fd_watch.h"

namespace preforkd {

class ReadableSet {
 public:
  // The owner's value for a descriptor; never dereferenced here.
  using Name = void*;
  // kData: there are bytes to read, and the other end is open. kPerhapsEnded: it has ended or is broken, and
  // there may be bytes to read.
  enum class Reading { kData, kPerhapsEnded };
  // May call Add and Remove, also for this descriptor; must not destroy the set.
  using Callback = std::function<void(Name, Reading)>;

  ReadableSet(EventLoop& loop, int priority, Callback callback);
  ReadableSet(const ReadableSet&) = delete;
  ReadableSet& operator=(const ReadableSet&) = delete;

  // Error: ENOSPC (fs.epoll.max_user_watches), ENOMEM, EPERM (a file that cannot be polled); EMFILE while the
  // epoll instance of the set could not be made.
  Status Add(int fd, Name name);
  // The callback is not called for it any more. Precondition: it was added with this name.
  void Remove(int fd, Name name);

 private:
  static constexpr std::size_t kAtOnce = 64;  // per callback, so that others get their turn

  Status Open();
  void OnReadable();

  EventLoop& loop_;
  int priority_;
  Callback callback_;
  UniqueFd epoll_;                // made in the constructor, or if that failed in the first Add that can
  std::optional<FdWatch> watch_;  // watches epoll_: destroyed before it
  std::array<epoll_event, kAtOnce> ready_{};
  std::span<epoll_event> due_;  // of ready_: not called back yet
};

}  // namespace preforkd

#endif
