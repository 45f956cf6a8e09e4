// PoolRow: what the master says about one pool. Written by the master alone; a worker cannot
// (Scoreboard::ConfineTo).
#ifndef PREFORKD_COMMON_SCOREBOARD_POOL_ROW_H_
#define PREFORKD_COMMON_SCOREBOARD_POOL_ROW_H_

#include <atomic>
#include <cstdint>

#include "common/scoreboard/counters.h"
#include "common/scoreboard/shared_text.h"

namespace preforkd {

// kDegraded: it should serve, and no worker of it is ready or could be started.
enum class PoolState : std::uint64_t { kStarting, kServing, kDegraded };
const char* PoolStateName(PoolState state);

// Kept when a configuration comes that lacks the pool: workers of it may still finish, and its name keeps its
// number.
struct PoolRow {
  std::atomic<bool> used{false};  // the configuration in service has it
  std::atomic<PoolState> state{PoolState::kStarting};
  SharedText name;
  SharedText kind;            // as in the configuration
  Counter workers_wanted{0};  // extras not counted
  Counter workers_max{0};     // with extras
  // Connections that no slot of the pool can take now; while there are some, accepting for it is paused.
  Counter queue_length{0};
  std::atomic<bool> gathers{false};  // dispatch.gather is in effect now
};

}  // namespace preforkd

#endif
