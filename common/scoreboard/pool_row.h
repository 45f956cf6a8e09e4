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
  // Connections that wait in the master. While one waits for room in a slot, accepting for the pool is
  // paused.
  Counter queue_length{0};
  std::atomic<bool> gathers{false};  // dispatch.gather is in effect now
  // Of the waiting ones, those whose request waits for an application thread. While there are some, a worker
  // tells the master about each free thread (ThreadFree).
  Counter thread_queue{0};
  // Since when the next of them waits here; 0: none does. Once that is long, a worker begins no other request
  // before them.
  Counter thread_queue_since_ns{0};
};

}  // namespace preforkd

#endif
