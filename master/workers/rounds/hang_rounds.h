// HangRounds: ends workers that do not answer any more (policy/hang.h).
#ifndef PREFORKD_MASTER_WORKERS_ROUNDS_HANG_ROUNDS_H_
#define PREFORKD_MASTER_WORKERS_ROUNDS_HANG_ROUNDS_H_

#include "master/policy/hang.h"
#include "master/workers/slots/supervisor_parts.h"

namespace preforkd {

class HangRounds {
 public:
  explicit HangRounds(const SupervisorParts& parts) : parts_(parts) {}

  // Judges every worker. Call it every Interval().
  void Judge(Time now);
  [[nodiscard]] Duration Interval() const;

 private:
  [[nodiscard]] Duration Timeout() const;
  void Judge(WorkerSlot& slot, Duration timeout, Time now);

  SupervisorParts parts_;
  HangWatch watch_;
};

}  // namespace preforkd

#endif
