// Stopper: carries out what Change decides about the end: gracefully, in an order in which no connection is
// cut off that ends in time, or at once.
#ifndef PREFORKD_MASTER_CHANGE_STOPPER_H_
#define PREFORKD_MASTER_CHANGE_STOPPER_H_

#include "master/change/master_parts.h"

namespace preforkd {

class Stopper {
 public:
  explicit Stopper(const MasterParts& parts) : parts_(parts) {}

  // For stop_delay nothing else changes: a load balancer needs a moment to hear that this server is not
  // ready, and the clients that it sends until then must be served.
  void Do(const AnnounceStop& action);
  // Listeners first, so that nothing new comes; the workers when nothing that was accepted waits here any
  // more.
  void Do(const CloseListeners& action);
  void Do(const StopWorkers& action);
  void Do(const StopAtOnce& action);

 private:
  MasterParts parts_;
};

}  // namespace preforkd

#endif
