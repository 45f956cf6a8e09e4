// CrowdControl: makes room in a worker that has few places left. crowding.h sets the timeout, sessions report
// their lag. Owned by the worker.
//
// It ends only lagging clients, slowest first, and stops as soon as the timeout has grown beyond their lag.
#ifndef PREFORKD_WORKER_PROCESS_CROWD_CONTROL_H_
#define PREFORKD_WORKER_PROCESS_CROWD_CONTROL_H_

#include <cstdint>

#include "common/event/timer.h"
#include "common/structures/rate_limit.h"
#include "worker/connection/connection_table.h"
#include "worker/process/connection_returns.h"
#include "worker/process/crowding.h"

namespace preforkd {

class CrowdControl {
 public:
  // The arguments must outlive this object.
  CrowdControl(WorkerEnv& env, ConnectionTable& connections, ConnectionReturns& returns);
  CrowdControl(const CrowdControl&) = delete;
  CrowdControl& operator=(const CrowdControl&) = delete;

  // Schedules a check if there are so many connections that room may be needed.
  void Watch(std::uint64_t descriptor_limit);
  // The worker ends: no more connections arrive.
  void Stop() { make_room_.Cancel(); }

 private:
  void MakeRoom();
  [[nodiscard]] Crowd Current(std::uint64_t descriptor_limit) const;

  WorkerEnv& env_;
  ConnectionTable& connections_;
  ConnectionReturns& returns_;
  Timer make_room_;
  OncePerSecond log_limit_;
};

}  // namespace preforkd

#endif
