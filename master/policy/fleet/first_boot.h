// FirstBoot: tells whether the first generation has come up, and when to give up on it. Pure: no clock.
//
// A pool is up when one of its workers has been ready; the server is up when all pools are. If no worker of
// a pool can start, the start fails, however well the other pools do: a server that lacks a pool must not
// look complete.
#ifndef PREFORKD_MASTER_POLICY_FLEET_FIRST_BOOT_H_
#define PREFORKD_MASTER_POLICY_FLEET_FIRST_BOOT_H_

#include <set>
#include <vector>

#include "common/base/clock.h"
#include "common/base/ids.h"
#include "master/policy/fleet/generation_target.h"
#include "master/policy/fleet/worker_table.h"

namespace preforkd {

class FirstBoot {
 public:
  void Begin(const GenerationTarget& target, Time now);
  // A worker of the first generation is ready in `pool`. True if that was the last pool to wait for.
  bool OnReady(PoolId pool);
  // Another generation is in service: the first boot no longer matters.
  void End() { waiting_.clear(); }
  [[nodiscard]] bool Over() const { return waiting_.empty(); }
  // No worker of `pool` has ever been ready, and each of its slots has failed often enough to give up.
  [[nodiscard]] bool Hopeless(const PoolTarget& pool, const std::vector<WorkerRecord>& records,
                              Time now) const;

 private:
  std::set<PoolId> waiting_;
  Time began_{};
};

}  // namespace preforkd

#endif
