// WorkerCounts: counts workers by kind, to judge the server's health.
#ifndef PREFORKD_MASTER_WORKERS_WORKER_COUNTS_H_
#define PREFORKD_MASTER_WORKERS_WORKER_COUNTS_H_

#include <cstdint>

#include "common/base/clock.h"
#include "master/workers/slots/supervisor_parts.h"

namespace preforkd {

class WorkerCounts {
 public:
  explicit WorkerCounts(const SupervisorParts& parts) : parts_(parts) {}

  // Workers of the pool in `state`: those of the generation in service.
  [[nodiscard]] std::uint32_t InService(PoolId pool, WorkerState state) const;
  // The same for all generations.
  [[nodiscard]] std::uint32_t Of(PoolId pool, WorkerState state) const;
  // The maximum number of workers of the pool, extras included; 0: the generation in service has no such
  // pool.
  [[nodiscard]] std::uint32_t Max(PoolId pool) const;
  // Over all pools: workers in service whose loop has run within their pool's hang_timeout.
  [[nodiscard]] std::uint32_t Beating(Time now) const;

 private:
  SupervisorParts parts_;
};

}  // namespace preforkd

#endif
