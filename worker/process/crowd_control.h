// CrowdControl: makes room in a worker whose places are short: crowding.h decides how patient to be, sessions
// say who has not moved on. Owned by the worker.
//
// It ends only clients that lag, the slowest first, and stops as soon as the worker is patient enough again.
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
  // All outlive it.
  CrowdControl(WorkerEnv& env, ConnectionTable& connections, ConnectionReturns& returns);
  CrowdControl(const CrowdControl&) = delete;
  CrowdControl& operator=(const CrowdControl&) = delete;

  // Looks after a moment whether it must make room, where there are so many connections that it may.
  void Watch(std::uint64_t descriptor_limit);
  // The worker ends: nobody comes any more.
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
