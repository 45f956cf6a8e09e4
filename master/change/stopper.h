// Stopper: carries out Change's decisions about the stop: gracefully, in an order that cuts off no connection
// that ends in time, or at once.
#ifndef PREFORKD_MASTER_CHANGE_STOPPER_H_
#define PREFORKD_MASTER_CHANGE_STOPPER_H_

#include "master/change/master_parts.h"

namespace preforkd {

class Stopper {
 public:
  explicit Stopper(const MasterParts& parts) : parts_(parts) {}

  // During stop_delay nothing else changes: a load balancer needs a moment to notice that this server is not
  // ready, and clients that it sends until then must be served.
  void Do(const AnnounceStop& action);
  // Closes the listeners, so that no new connection arrives, and sends the waiting connections to the
  // workers.
  void Do(const CloseListeners& action);
  // Tells the workers to finish. Comes when no accepted connection waits in the master any more.
  void Do(const StopWorkers& action);
  void Do(const StopAtOnce& action);

 private:
  MasterParts parts_;
};

}  // namespace preforkd

#endif
