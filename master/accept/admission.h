// Admission: turns away clients that have met a bound of their address (ClientBounds), right after accept and
// before any byte is read. Owned by the master.
//
// Plain HTTP gets 429 with Retry-After: a constant text into an empty send buffer, which takes one system
// call, no worker, and no byte of the client. Closing at once would follow it with a reset if the request has
// arrived already, and some systems then drop what their program has not read yet. So the connection is only
// shut down, and closed a second later. At most kMaxClosing wait so; the oldest goes first. A client can take
// neither memory nor a place in a worker with it, and this second is the most that it keeps a descriptor.
//
// Everything else is reset: over TLS nothing could be said before the handshake, which is what costs most,
// and other protocols have no words for it. A reset leaves no state in our kernel; an orderly end would be a
// socket in FIN_WAIT2 for a minute, for each of thousands a second.
#ifndef PREFORKD_MASTER_ACCEPT_ADMISSION_H_
#define PREFORKD_MASTER_ACCEPT_ADMISSION_H_

#include <cstddef>
#include <string>

#include "common/base/unique_fd.h"
#include "common/bounds/master_bounds.h"
#include "common/event/event_loop.h"
#include "common/event/timer.h"
#include "common/structures/ring.h"
#include "master/accept/listener.h"

namespace preforkd {

class Admission {
 public:
  static constexpr std::size_t kMaxClosing = 512;
  static constexpr Duration kClosing = std::chrono::seconds(1);

  // The arguments must outlive the object.
  Admission(EventLoop& loop, MasterBounds& clients);

  // True: the client may be served. Else `fd` was taken.
  bool Admit(UniqueFd& fd, const Arrival& arrival);
  // Connections that are not closed yet. Each is a descriptor.
  [[nodiscard]] std::size_t Closing() const { return closing_.Size(); }
  // Closes the oldest of those. False: there is none.
  bool CloseOne();

 private:
  struct Leaving {
    UniqueFd fd;
    Time until{};
  };

  void Answer(UniqueFd fd, Duration retry_after, Time now);
  void CloseDue();

  MasterBounds& clients_;
  Ring<Leaving> closing_;  // oldest first
  Timer due_;
};

}  // namespace preforkd

#endif
