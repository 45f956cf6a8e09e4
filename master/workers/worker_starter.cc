#include "master/workers/worker_starter.h"

#include <unistd.h>

#include <memory>
#include <utility>

#include "master/workers/slots/slot_connections.h"

namespace preforkd {

Result<Incarnation> WorkerStarter::Start(WorkerSlot& slot, PoolId pool, const GenerationSpec& generation) {
  if (const Status status = PrepareChannel(slot, pool); !status.Ok()) return status.Err();
  const Incarnation incarnation = Next(last_incarnation_);
  WorkerRow& row = slot.Row();
  parts_.ledger.WorkerBegins(row, incarnation, generation.number, pool, Now());
  Result<SpawnedProcess> process = parts_.spawner.Spawn(StartOf(slot, pool, generation, incarnation));
  if (!process.Ok()) return process.Err();
  last_incarnation_ = incarnation;
  Set(row.pid, static_cast<std::uint64_t>(process.Value().pid));
  const Status status = TakeOver(slot, {slot.Number(), incarnation}, generation.NameOf(pool),
                                 std::move(process).Value(), Now());
  if (status.Ok()) return incarnation;
  // ENOSPC, ENOMEM: its end would go unnoticed. It has taken nothing that it could have answered.
  slot.Process()->KillAndReap();
  slot.Vacate();
  (void)CloseAccount(parts_, slot, LossReason::kCrash, true);
  return status.Err();
}

Status WorkerStarter::PrepareChannel(WorkerSlot& slot, PoolId pool) {
  // A retired worker's, that of one of the program before this one, or of another pool: kept for what is
  // still in it.
  const bool unusable =
      slot.HasChannel() && (slot.Channel().Shut() || slot.Channel().Restored() || slot.Pool() != pool);
  if (unusable && !ClearChannel(parts_, slot)) {
    return Error{"the channel of the last worker still holds connections", 0};
  }
  return slot.EnsureChannel(pool);
}

WorkerStart WorkerStarter::StartOf(WorkerSlot& slot, PoolId pool, const GenerationSpec& generation,
                                   Incarnation incarnation) const {
  WorkerStart start;
  start.id = {slot.Number(), incarnation};
  start.generation = generation.number;
  start.master_pid = ::getpid();
  start.channel = slot.Channel().WorkerEnd();
  start.logs = logs_.Fds();
  start.detached = detached_;
  start.scoreboard = &parts_.scoreboard;
  start.config = generation.config;
  start.pool = generation.FindPool(pool)->config;
  start.services = generation.ServicesOf(pool);
  return start;
}

Status WorkerStarter::TakeOver(WorkerSlot& slot, const WorkerId& id, std::string pool_name,
                               SpawnedProcess process, Time started_at) {
  slot.Occupy(std::make_unique<WorkerProcess>(parts_.spawner, id, std::move(pool_name), std::move(process),
                                              started_at));
  return slot.Process()->Watch(
      parts_.loop, slot.Channel().MasterEnd(), [this, &slot](Interest) { callbacks_.on_exit(slot); },
      [this, &slot](Interest) { callbacks_.on_message(slot); });
}

}  // namespace preforkd
