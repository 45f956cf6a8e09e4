// FdWatch: interest in a borrowed descriptor. Level-triggered. Does not own the descriptor.
//
// The owner must destroy or Stop() the watch before the descriptor is closed or sent to another process.
// epoll watches the open file description: a copy in another process would keep firing under a number that
// may already belong to another connection (epoll(7)).
#ifndef PREFORKD_COMMON_EVENT_FD_WATCH_H_
#define PREFORKD_COMMON_EVENT_FD_WATCH_H_

#include <event2/event_struct.h>

#include <functional>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/event/event_loop.h"

namespace preforkd {

// What a watch waits for and what its callback gets; bits.
enum class Interest : unsigned {
  kNone = 0,
  kRead = 1,     // readable, or end of file, or an error to be read
  kWrite = 2,    // room to write, or an error to be read
  kTimeout = 4,  // only reported, never waited for: none of the others came in time
  // Something has happened at the other end: it may have left, or only sent more. Reported once for each
  // event, and at the start if kRead would be; nothing need be read. Not together with the others.
  kHangUp = 8,
};
constexpr Interest operator|(Interest a, Interest b) {
  return static_cast<Interest>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}
constexpr Interest Without(Interest set, Interest bit) {
  return static_cast<Interest>(static_cast<unsigned>(set) & ~static_cast<unsigned>(bit));
}
constexpr bool Has(Interest set, Interest bit) {
  return (static_cast<unsigned>(set) & static_cast<unsigned>(bit)) != 0;
}

class FdWatch {
 public:
  using Callback = std::function<void(Interest ready)>;

  // `callback` may destroy the watch.
  FdWatch(EventLoop& loop, int fd, int priority, Callback callback);
  FdWatch(const FdWatch&) = delete;
  FdWatch& operator=(const FdWatch&) = delete;
  ~FdWatch() { Stop(); }

  // Replaces what is waited for; kNone stops. Costs nothing when nothing changes.
  // Error: ENOSPC (fs.epoll.max_user_watches), ENOMEM, or EPERM (a file that cannot be polled). The previous
  // interest stays in force then.
  Status Want(Interest interest);
  // The same, and reports kTimeout after `timeout` without either. For one wait: a Want for the same interest
  // does not change the timeout.
  Status Want(Interest interest, Duration timeout);
  void Stop();
  [[nodiscard]] Interest Wanted() const { return wanted_; }

 private:
  static void OnEvent(int fd, short what, void* self);
  Status Add(Interest interest, const timeval* timeout);
  // Makes `event` one of this watch.
  void Assign(event& event, Interest interest);

  EventLoop& loop_;
  int fd_;
  int priority_;
  Callback callback_;
  Interest wanted_ = Interest::kNone;
  event event_{};
};

}  // namespace preforkd

#endif
