// RecycleRounds: replaces workers that have reached a limit (policy/recycle.h), one at a time in each pool.
#ifndef PREFORKD_MASTER_WORKERS_ROUNDS_RECYCLE_ROUNDS_H_
#define PREFORKD_MASTER_WORKERS_ROUNDS_RECYCLE_ROUNDS_H_

#include <cstdint>

#include "master/policy/recycle.h"
#include "master/workers/slots/supervisor_parts.h"

namespace preforkd {

class RecycleRounds {
 public:
  // `seed` is for the jitter of the limits.
  RecycleRounds(const SupervisorParts& parts, std::uint64_t seed) : parts_(parts), policy_(seed) {}

  // In each pool replaces one worker that is over a limit, unless another one is being replaced there.
  void Replace(Time now);

 private:
  void ReplaceOne(const PoolSpec& pool, Time now);

  SupervisorParts parts_;
  Recycle policy_;
};

}  // namespace preforkd

#endif
