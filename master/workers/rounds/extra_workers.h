// ExtraWorkers: starts one more worker while all others of a pool are blocked and clients wait, and retires
// it when it is not needed any more.
#ifndef PREFORKD_MASTER_WORKERS_ROUNDS_EXTRA_WORKERS_H_
#define PREFORKD_MASTER_WORKERS_ROUNDS_EXTRA_WORKERS_H_

#include <cstdint>
#include <map>

#include "master/policy/elastic.h"
#include "master/workers/slots/supervisor_parts.h"

namespace preforkd {

class ExtraWorkers {
 public:
  explicit ExtraWorkers(const SupervisorParts& parts) : parts_(parts) {}

  // Connections wait for `pool`, or requests in its workers, and all its ready workers are slow
  // (Pressure::slow): starts one more worker if they are blocked and the limits allow it. True: one is
  // starting.
  bool OnAllSlow(PoolId pool, Time now);
  // An extra of `pool` could not be started, or exited before it was ready.
  void StartFailed(PoolId pool, Time now) { elastic_[pool].StartFailed(now); }
  // Releases one extra in each pool that does not need it. Call it in each round.
  void ReleaseUnneeded(Time now);

 private:
  [[nodiscard]] ElasticReading Read(const PoolSpec& pool) const;
  // The maximum number of workers of the pool, given that `ready` are ready.
  [[nodiscard]] std::uint32_t Max(const PoolSpec& pool, std::uint32_t ready) const;
  // True if each worker of the pool in service sleeps inside its callback and in its application threads: it
  // waits for something, and is not just short of CPU time.
  [[nodiscard]] bool AllAsleep(PoolId pool) const;

  SupervisorParts parts_;
  std::map<PoolId, Elastic> elastic_;
};

}  // namespace preforkd

#endif
