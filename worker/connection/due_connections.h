// DueConnections: connections with a decision (close, travel or switch of service) made outside their own
// callback: by a timer of their session, or by another session. Their session may still be on the stack, so
// the loop applies the decision once the running callback has returned.
//
// Owns nothing: a connection that ends before its turn removes itself from the list.
#ifndef PREFORKD_WORKER_CONNECTION_DUE_CONNECTIONS_H_
#define PREFORKD_WORKER_CONNECTION_DUE_CONNECTIONS_H_

#include <vector>

#include "common/event/event_loop.h"
#include "common/event/idle_call.h"

namespace preforkd {

class LiveConnection;

class DueConnections {
 public:
  explicit DueConnections(EventLoop& loop);

  // Calls LiveConnection::ApplyVerdict for it once, in this turn of the loop. Precondition: it is not in the
  // list.
  void Add(LiveConnection& connection);
  void Remove(const LiveConnection& connection);

 private:
  void DecideAll();

  std::vector<LiveConnection*> connections_;
  IdleCall call_;
};

}  // namespace preforkd

#endif
