// PoolRow: the master's data about one pool. Only the master writes; a worker cannot (Scoreboard::ConfineTo).
#ifndef PREFORKD_COMMON_SCOREBOARD_POOL_ROW_H_
#define PREFORKD_COMMON_SCOREBOARD_POOL_ROW_H_

#include <atomic>
#include <cstdint>

#include "common/scoreboard/counters.h"
#include "common/scoreboard/shared_text.h"

namespace preforkd {

// kDegraded: it should serve, but no worker is ready and none could be started.
enum class PoolState : std::uint64_t { kStarting, kServing, kDegraded };
const char* PoolStateName(PoolState state);

// Kept when a reload removes the pool: its workers may still be finishing, and its name keeps its number.
struct PoolRow {
  std::atomic<bool> used{false};  // it is in the current configuration
  std::atomic<PoolState> state{PoolState::kStarting};
  SharedText name;
  SharedText kind;            // as in the configuration
  Counter workers_wanted{0};  // extras not counted
  Counter workers_max{0};     // with extras
  // Connections that no slot of the pool can take now. While there are some, accepting for it is paused.
  Counter queue_length{0};
  std::atomic<bool> gathers{false};  // dispatch.gather is in effect now
};

}  // namespace preforkd

#endif
