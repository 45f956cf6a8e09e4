// WorkerCounts: how many workers there are of which kind, for those who judge the server's health.
#ifndef PREFORKD_MASTER_WORKERS_WORKER_COUNTS_H_
#define PREFORKD_MASTER_WORKERS_WORKER_COUNTS_H_

#include <cstdint>

#include "common/base/clock.h"
#include "master/workers/slots/supervisor_parts.h"

namespace preforkd {

class WorkerCounts {
 public:
  explicit WorkerCounts(const SupervisorParts& parts) : parts_(parts) {}

  // Workers of the pool in that state: of the generation in service, or of any.
  [[nodiscard]] std::uint32_t InService(PoolId pool, WorkerState state) const;
  [[nodiscard]] std::uint32_t Of(PoolId pool, WorkerState state) const;
  // As many as the pool may have, with extras. 0: the generation in service has no such pool.
  [[nodiscard]] std::uint32_t Most(PoolId pool) const;
  // Of all pools: in service, and its loop has turned within the hang_timeout of its pool.
  [[nodiscard]] std::uint32_t Beating(Time now) const;

 private:
  SupervisorParts parts_;
};

}  // namespace preforkd

#endif
