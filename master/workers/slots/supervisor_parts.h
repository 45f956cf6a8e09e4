// SupervisorParts: what the parts of the supervisor share. Borrowed: Supervisor owns fleet, slots and
// generations, and is given the rest.
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

// What the rest of the master must know. Called from the loop.
struct SupervisorHooks {
  std::function<void(Generation)> on_first_ready;  // once: every pool can serve
  std::function<void(Generation)> on_promote;
  std::function<void(Generation, const std::string& reason)> on_abandon;
  std::function<void(HandedBack)> on_hand_back;
  std::function<bool()> make_room;  // for one more descriptor; false when there is none
  std::function<void(ExitCode, const std::string& reason)> on_finish;
  // Something about workers has changed: a reload that had to wait may be possible now (MayReload).
  std::function<void()> on_settled;
  // A child has ended that is no worker: true when somebody else has waited for it.
  std::function<bool(pid_t)> on_other_child;
};

// Workers of one generation, in all pools and with extras: a reload needs as many slots again.
inline constexpr std::uint32_t kMostInService = kMaxSlots / 2;

// What workers_max means for a pool that should have `desired` workers.
inline std::uint32_t MostWorkers(std::uint32_t workers_max, std::uint32_t desired) {
  return workers_max != 0 ? workers_max : std::min(4 * desired, kMostInService);
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
