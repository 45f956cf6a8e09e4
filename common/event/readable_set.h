// ReadableSet: very many borrowed descriptors, of which all that matters is whether they can be read.
// Level-triggered. An epoll of its own inside the loop's: an FdWatch keeps some 200 bytes for each, where one
// may do nothing for minutes. The kernel pays with a check that an epoll inside another one closes no circle,
// one after the other for the whole system, whenever one is added (epoll_ctl(2)).
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
  // What the owner calls a descriptor by; not looked at.
  using Name = void*;
  // Can be read, is at its end, or is broken. May add and remove, this one too; must not destroy the set.
  using Callback = std::function<void(Name)>;

  ReadableSet(EventLoop& loop, int priority, Callback callback);
  ReadableSet(const ReadableSet&) = delete;
  ReadableSet& operator=(const ReadableSet&) = delete;

  // Error: ENOSPC (fs.epoll.max_user_watches), ENOMEM, EPERM (a file that cannot be polled); EMFILE while the
  // set has no epoll of its own yet.
  Status Add(int fd, Name name);
  // From now on the callback does not hear of it. Precondition: it was added with this name.
  void Remove(int fd, Name name);

 private:
  static constexpr std::size_t kAtOnce = 64;  // then others have their turn

  Status Open();
  void OnReadable();

  EventLoop& loop_;
  int priority_;
  Callback callback_;
  UniqueFd epoll_;                // made at once, or where that failed with the first Add that can
  std::optional<FdWatch> watch_;  // of epoll_: goes before it
  std::array<epoll_event, kAtOnce> ready_{};
  std::span<epoll_event> due_;  // of ready_: not called back yet
};

}  // namespace preforkd

#endif
