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
  const Status status = TakeOver(slot, {slot.Number(), incarnation}, *generation.FindPool(pool)->config,
                                 std::move(process).Value(), Now());
  if (status.Ok()) return incarnation;
  // ENOSPC, ENOMEM: its exit would go unnoticed. It has not taken any connection yet.
  slot.Process()->KillAndReap();
  slot.Vacate();
  (void)CloseAccount(parts_, slot, LossReason::kCrash, true);
  return status.Err();
}

Status WorkerStarter::PrepareChannel(WorkerSlot& slot, PoolId pool) {
  // The channel of a retired worker, of one started by a previous program, or of another pool. It is still
  // there only because it holds connections.
  const bool unusable =
      slot.HasChannel() && (slot.Channel().Shut() || slot.Channel().Restored() || slot.Pool() != pool);
  if (unusable && !ClearChannel(parts_, slot)) {
    return Error{"the channel of the previous worker still holds connections", 0};
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
  start.certificates = generation.certificates.facts;
  if (start.pool->kind == PoolKind::kTls) {
    start.key_files = generation.certificates.files;
    start.ticket_page = generation.ticket_page;
  }
  start.preloads = generation.preloads;
  for (const auto& [service, config] : start.services) {
    const auto numbers = generation.counters.find(service);
    if (numbers != generation.counters.end()) start.counters[service] = numbers->second;
  }
  return start;
}

Status WorkerStarter::TakeOver(WorkerSlot& slot, const WorkerId& id, const PoolConfig& pool,
                               SpawnedProcess process, Time started_at) {
  slot.Occupy(std::make_unique<WorkerProcess>(parts_.spawner, id, pool, std::move(process), started_at));
  return slot.Process()->Watch(
      parts_.loop, slot.Channel().MasterEnd(), [this, &slot](Interest) { callbacks_.on_exit(slot); },
      [this, &slot](Interest) { callbacks_.on_message(slot); });
}

}  // namespace preforkd
