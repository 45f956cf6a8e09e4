// HangRounds: kills workers that no longer respond (policy/hang.h). Each pool has its own hang_timeout.
#ifndef PREFORKD_MASTER_WORKERS_ROUNDS_HANG_ROUNDS_H_
#define PREFORKD_MASTER_WORKERS_ROUNDS_HANG_ROUNDS_H_

#include <map>

#include "master/policy/hang.h"
#include "master/workers/slots/supervisor_parts.h"

namespace preforkd {

class HangRounds {
 public:
  explicit HangRounds(const SupervisorParts& parts) : parts_(parts) {}

  // Judges every worker. Call it every Interval().
  void Judge(Time now);
  // The interval of the pool with the shortest hang_timeout. Call it after Judge.
  [[nodiscard]] Duration Interval() const;

 private:
  struct Pool {
    HangWatch watch;
    Duration timeout{0};
  };

  // Keeps the pools of all current generations, and those that still have a worker.
  void UpdatePools();
  void Judge(WorkerSlot& slot, const Pool& pool, Time now);

  SupervisorParts parts_;
  std::map<PoolId, Pool> pools_;
};

}  // namespace preforkd

#endif
