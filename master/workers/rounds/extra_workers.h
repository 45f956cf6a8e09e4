// ExtraWorkers: one worker more while all others of its pool are blocked and clients wait; it goes when it is
// not needed any more.
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

  // Connections wait for that pool, and each of its ready workers is held up: starts one more, if they are
  // blocked and it is allowed. True: it does.
  bool OnAllSlow(PoolId pool, Time now);
  // An extra of that pool could not be started, or has ended before it was ready.
  void StartFailed(PoolId pool, Time now) { elastic_[pool].StartFailed(now); }
  // Once in a while: releases one in each pool that does not need it.
  void ReleaseUnneeded(Time now);

 private:
  [[nodiscard]] ElasticReading Read(const PoolSpec& pool) const;
  // The most workers that the pool may have, where `ready` are.
  [[nodiscard]] std::uint32_t Most(const PoolSpec& pool, std::uint32_t ready) const;
  // Each worker of the pool that is in service sleeps inside its callback: it waits for something, and the
  // machine has time.
  [[nodiscard]] bool AllAsleep(PoolId pool) const;

  SupervisorParts parts_;
  std::map<PoolId, Elastic> elastic_;
};

}  // namespace preforkd

#endif
