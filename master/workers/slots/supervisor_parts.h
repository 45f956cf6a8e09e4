// SupervisorParts: what the parts of the supervisor share, borrowed. Supervisor owns fleet, slots and
// generations; the rest is given to it.
#ifndef PREFORKD_MASTER_WORKERS_SLOTS_SUPERVISOR_PARTS_H_
#define PREFORKD_MASTER_WORKERS_SLOTS_SUPERVISOR_PARTS_H_

#include <sys/types.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>

#include "common/base/exit_code.h"
#include "common/event/event_loop.h"
#include "common/scoreboard/ledger.h"
#include "common/scoreboard/scoreboard.h"
#include "common/wire/messages.h"
#include "master/dispatch/pool_dispatchers.h"
#include "master/policy/fleet/fleet.h"
#include "master/workers/slots/serving_generations.h"
#include "master/workers/slots/slot_table.h"
#include "master/workers/slots/spawner.h"

namespace preforkd {

// What the supervisor reports to the rest of the master. Called from the loop.
struct SupervisorHooks {
  std::function<void(Generation)> on_first_ready;  // once: every pool can serve
  std::function<void(Generation)> on_promote;
  std::function<void(Generation, const std::string& reason)> on_abandon;
  std::function<void(HandedBack)> on_hand_back;
  std::function<bool()> make_room;  // frees a descriptor if none is free; false: impossible
  std::function<void(ExitCode, const std::string& reason)> on_finish;
  // The state of the workers has changed: a change that waits may be possible now (MayReload).
  std::function<void()> on_settled;
  // A child that is not a worker has exited. True: the callee has reaped it.
  std::function<bool(pid_t)> on_other_child;
  // After on_promote: all workers of the previous generation were told to retire.
  std::function<void()> on_relieved;
};

// Limit on the workers of one generation, over all pools, extras included: a reload needs as many slots
// again.
inline constexpr std::uint32_t kMaxInService = kMaxSlots / 2;

// Resolves workers_max (0: not configured) for a pool with `desired` workers. A gate runs no code that could
// block it, so gates get no extras unless the configuration asks for them.
inline std::uint32_t MaxWorkers(const PoolConfig& pool, std::uint32_t desired) {
  if (pool.workers_max != 0) return pool.workers_max;
  return pool.kind == PoolKind::kTls ? desired : std::min(4 * desired, kMaxInService);
}

struct SupervisorParts {
  EventLoop& loop;
  const Scoreboard& scoreboard;
  PoolDispatchers& dispatcher;
  Ledger& ledger;
  Spawner& spawner;
  const SupervisorHooks& hooks;
  Fleet& fleet;
  SlotTable& slots;
  ServingGenerations& generations;

  [[nodiscard]] MasterPage& Page() const { return scoreboard.Master(); }
  // Precondition: Fleet has had a worker in that slot.
  [[nodiscard]] const WorkerRecord& RecordOf(const WorkerSlot& slot) const {
    return fleet.Records().at(Raw(slot.Number()));
  }
  void Publish(const WorkerSlot& slot) const { slots.Publish(RecordOf(slot)); }
};

}  // namespace preforkd

#endif
