// DueConnections: the connections of a worker that were closed, or told to travel, outside a callback of
// their own: by a timer of their session, or by another session. Their session may still be on the stack, so
// the loop settles them when whatever runs now has returned.
//
// Owns nothing: a connection that ends before its turn takes itself off the list.
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

  // LiveConnection::Settle is called for it once, in this turn of the loop. Precondition: it is not on the
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
