// ExtraWorkers: one worker more while all others are blocked and clients wait; it goes when it is not needed
// any more.
#ifndef PREFORKD_MASTER_WORKERS_ROUNDS_EXTRA_WORKERS_H_
#define PREFORKD_MASTER_WORKERS_ROUNDS_EXTRA_WORKERS_H_

#include "master/policy/elastic.h"
#include "master/workers/slots/supervisor_parts.h"

namespace preforkd {

class ExtraWorkers {
 public:
  explicit ExtraWorkers(const SupervisorParts& parts) : parts_(parts) {}

  // Connections wait and every ready worker is held up: starts one more, if they are blocked and it is
  // allowed.
  void OnAllHeldUp(PoolId pool, Time now);
  // An extra could not be started, or has ended before it was ready.
  void StartFailed(Time now) { elastic_.StartFailed(now); }
  // Once in a while: releases one that is not needed.
  void ReleaseUnneeded(Time now);

 private:
  [[nodiscard]] ElasticReading Read() const;
  // Each worker in service sleeps inside its callback: it waits for something, and the machine has time.
  [[nodiscard]] bool AllAsleep() const;

  SupervisorParts parts_;
  Elastic elastic_;
};

}  // namespace preforkd

#endif
