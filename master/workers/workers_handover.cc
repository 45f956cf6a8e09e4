#include "master/workers/workers_handover.h"

#include <fmt/core.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "master/workers/slots/foreign_boards.h"
#include "master/workers/slots/slot_connections.h"

namespace preforkd {

// ---- saving ----

bool WorkersHandover::Prepare() {
  if (logs_.Busy()) return false;
  for (const auto& slot : parts_.slots.All()) {
    if (const WorkerProcess* const worker = slot->Process()) {
      // It has exited, or is being killed.
      if (!worker->Running() || worker->Untrusted()) return false;
    } else if (!ClearChannel(parts_, *slot)) {
      return false;
    }
  }
  return true;
}

void WorkersHandover::Save(UpgradeState& state) const {
  // Counters up to now are collected here; the next program counts from this point.
  for (const auto& board : ForeignBoards(parts_.slots)) board->CollectDropped();
  state.last_incarnation = starter_.LastIncarnation();
  for (const PoolSpec& pool : parts_.generations.Serving().pools) {
    state.pool_workers[pool.config->name] = parts_.fleet.Desired(pool.id);
  }
  state.detached = starter_.Detached();
  state.boards = {parts_.scoreboard.Fd()};
  for (const auto& slot : parts_.slots.All()) {
    if (slot->Running()) state.workers_alive.push_back(SaveWorker(*slot, state));
  }
}

SavedWorker WorkersHandover::SaveWorker(const WorkerSlot& slot, UpgradeState& state) const {
  const WorkerRecord& record = parts_.RecordOf(slot);
  const SlotChannel& channel = slot.Channel();
  SavedWorker worker;
  worker.record = record;
  worker.pid = slot.Process()->Pid();
  worker.pid_fd = slot.Process()->PidFd();
  worker.master_end = channel.MasterEnd();
  worker.worker_end = channel.WorkerEnd();
  worker.shut = channel.Shut();
  worker.wire_version = static_cast<std::uint8_t>(channel.Version());
  worker.board = SaveBoard(slot, state);
  worker.started_at = slot.Process()->StartedAt();
  return worker;
}

std::uint64_t WorkersHandover::SaveBoard(const WorkerSlot& slot, UpgradeState& state) const {
  const int fd = slot.Mirror() != nullptr ? slot.Mirror()->Board()->Fd() : parts_.scoreboard.Fd();
  const auto known = std::find(state.boards.begin(), state.boards.end(), fd);
  const auto number = static_cast<std::uint64_t>(known - state.boards.begin());
  if (known == state.boards.end()) state.boards.push_back(fd);
  return number;
}

// ---- restoring ----

Status WorkersHandover::Restore(const GenerationSpec& generation, const UpgradeState& state) {
  parts_.generations.Begin(generation);
  starter_.SetLastIncarnation(state.last_incarnation);
  starter_.SetDetached(state.detached);
  if (Status status = MapBoards(state); !status.Ok()) return status;
  if (Status status = RestoreFleet(generation, state); !status.Ok()) return status;
  RestoreCounters(state);
  for (const SavedWorker& saved : state.workers_alive) {
    if (Status status = RestoreWorker(saved); !status.Ok()) return status;
  }
  return {};
}

Status WorkersHandover::MapBoards(const UpgradeState& state) {
  for (const int fd : state.boards) {
    UniqueFd memory(fd);
    auto mapped = ForeignBoard::Map(std::move(memory), parts_.Page());
    if (!mapped.Ok()) {
      (void)memory.Release();  // the previous program needs it if it returns
      return mapped.Err();
    }
    boards_before_.push_back(std::move(mapped).Value());
  }
  if (boards_before_.empty()) return Error{"the saved state has no scoreboard"};
  return {};
}

Status WorkersHandover::RestoreFleet(const GenerationSpec& generation, const UpgradeState& state) const {
  std::vector<SavedRecord> records;
  for (const SavedWorker& saved : state.workers_alive) {
    const SavedRecord& record = saved.record;
    const bool again = std::any_of(records.begin(), records.end(),
                                   [&](const SavedRecord& other) { return other.slot == record.slot; });
    if (again || Raw(record.slot) >= kMaxSlots || generation.FindPool(record.pool) == nullptr) {
      return Error{fmt::format("slot {}: the saved worker is invalid", Raw(record.slot))};
    }
    records.push_back(record);
  }
  parts_.fleet.Restore(generation.number, generation.Targets(), records);
  return {};
}

void WorkersHandover::RestoreCounters(const UpgradeState& state) const {
  const ForeignBoard& predecessor = *boards_before_.front();
  predecessor.CopyTotals();
  // If the previous program had more slots, only those that this one has too.
  for (std::uint32_t i = 0; i < std::min(predecessor.SlotsUsed(), kMaxSlots); ++i) {
    const bool living = std::any_of(state.workers_alive.begin(), state.workers_alive.end(),
                                    [i](const SavedWorker& worker) { return Raw(worker.record.slot) == i; });
    predecessor.CopySlot(Slot{i}, living, parts_.slots.Of(Slot{i}).Row());
  }
}

Status WorkersHandover::RestoreWorker(const SavedWorker& saved) {
  WorkerSlot& slot = parts_.slots.Of(saved.record.slot);
  const std::shared_ptr<ForeignBoard>& board = boards_before_.at(saved.board);
  auto mirror = board->Mirror(saved.record.slot, slot.Row());
  if (!mirror.Ok()) return mirror.Err();
  board->TakeOutOfService(saved.record.slot);
  slot.TakeOver({saved.record.pool, SocketPair{UniqueFd(saved.master_end), UniqueFd(saved.worker_end)},
                 WireVersion{saved.wire_version}, saved.shut, std::move(mirror).Value()});
  const WorkerId id{saved.record.slot, saved.record.incarnation};
  const PoolSpec* const pool = parts_.generations.Serving().FindPool(saved.record.pool);
  Status status = starter_.TakeOver(slot, id, *pool->config,
                                    SpawnedProcess{saved.pid, UniqueFd(saved.pid_fd)}, saved.started_at);
  if (!status.Ok()) return status;
  parts_.Publish(slot);
  if (parts_.RecordOf(slot).state != WorkerState::kReady) return {};
  parts_.dispatcher.AddSlot(saved.record.pool, saved.record.slot, slot.Channel());
  return {};
}

}  // namespace preforkd
