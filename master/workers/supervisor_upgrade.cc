// Supervisor, the part that outlives a program: describes the workers for a successor, and goes on with those of a
// predecessor.
#include <algorithm>

#include "common/base/check.h"
#include "common/base/log.h"
#include "master/workers/supervisor.h"

namespace preforkd {
namespace {

std::optional<WorkerState> StateNamed(std::string_view name) {
  for (const WorkerState state : kAllWorkerStates) {
    if (Name(state) == name && state != WorkerState::kGone) return state;
  }
  return std::nullopt;
}

}  // namespace

// ---- leaving ----

bool Supervisor::Compose() {
  if (!unburied_.empty() || reopening_.Busy()) return false;
  for (const auto& slot : slots_) {
    if (slot->Alive()) {
      if (slot->Distrusted()) return false;  // its end is on the way
      continue;
    }
    if (!slot->HasChannel()) continue;
    Reclaim(*slot);
    if (!slot->Channel().Drained()) return false;
    slot->DropChannel();
    ledger_.SlotEmptied(slot->Row());
  }
  return true;
}

std::vector<std::shared_ptr<ForeignBoard>> Supervisor::ForeignBoards() const {
  std::vector<std::shared_ptr<ForeignBoard>> boards;
  for (const auto& slot : slots_) {
    if (slot->Mirror() == nullptr) continue;
    const std::shared_ptr<ForeignBoard>& board = slot->Mirror()->Board();
    if (std::find(boards.begin(), boards.end(), board) == boards.end()) boards.push_back(board);
  }
  return boards;
}

void Supervisor::Bequeath(UpgradeState& state) {
  for (const auto& board : ForeignBoards()) board->CollectDropped();  // the successor begins at what is there by then
  state.last_incarnation = last_incarnation_;
  for (const PoolSpec& pool : generations_.at(in_service_).pools) {
    state.pool_workers[pool.config->name] = fleet_.Desired(pool.id);
  }
  state.detached = detached_;
  state.boards = {scoreboard_.Fd()};
  for (const auto& slot : slots_) {
    if (!slot->Alive()) continue;
    const Fleet::Record& record = fleet_.Records()[Raw(slot->Number())];
    InheritedWorker heir;
    heir.slot = slot->Number();
    heir.pool = record.pool;
    heir.incarnation = record.incarnation;
    heir.state = Name(record.state);
    heir.wanted = record.wanted;
    heir.leaving = record.leaving;
    heir.extra = record.extra;
    heir.replaces = record.replaces;
    heir.pid = slot->Pid();
    heir.pid_fd = slot->PidFd();
    heir.master_end = slot->Channel().MasterEnd();
    heir.worker_end = slot->Channel().WorkerEnd();
    heir.shut = slot->Channel().Shut();
    heir.wire_version = static_cast<std::uint8_t>(slot->Channel().Version());
    heir.board = BequeathBoard(*slot, state);
    heir.started_at = slot->StartedAt();
    heir.ready_at = record.ready_at;
    heir.kill_at = record.kill_at;
    state.workers_alive.push_back(std::move(heir));
  }
}

// The number of the board that the slot's worker writes to: of the older ones only those that have a worker are left to
// the successor.
std::uint64_t Supervisor::BequeathBoard(const WorkerSlot& slot, UpgradeState& state) const {
  const int fd = slot.Mirror() != nullptr ? slot.Mirror()->Board()->Fd() : scoreboard_.Fd();
  const auto known = std::find(state.boards.begin(), state.boards.end(), fd);
  const auto number = static_cast<std::uint64_t>(known - state.boards.begin());
  if (known == state.boards.end()) state.boards.push_back(fd);
  return number;
}

// ---- coming ----

Status Supervisor::Inherit(const GenerationSpec& generation, const UpgradeState& state) {
  generations_[generation.number] = generation;
  in_service_ = generation.number;
  last_incarnation_ = state.last_incarnation;
  detached_ = state.detached;
  for (const int fd : state.boards) {
    UniqueFd memory(fd);
    auto mapped = ForeignBoard::Map(std::move(memory), scoreboard_.Master());
    if (!mapped.Ok()) {
      (void)memory.Release();  // the program before this one needs it, if that comes back
      return mapped.Err();
    }
    boards_before_.push_back(std::move(mapped).Value());
  }
  if (boards_before_.empty()) return Error{"no scoreboard is left to this program"};
  const ForeignBoard& predecessor = *boards_before_.front();
  predecessor.CopyTotals();
  std::vector<InheritedRecord> records;
  for (const InheritedWorker& heir : state.workers_alive) {
    const std::optional<WorkerState> as = StateNamed(heir.state);
    const bool again = std::any_of(records.begin(), records.end(),
                                   [&](const InheritedRecord& record) { return record.slot == heir.slot; });
    if (!as || again || Raw(heir.slot) >= kMaxSlots) return Error{fmt::format("slot {}: no such worker", Raw(heir.slot))};
    records.push_back({heir.slot, heir.pool, heir.incarnation, *as, heir.wanted, heir.leaving, heir.extra,
                       heir.replaces, heir.ready_at, heir.kill_at});
  }
  fleet_.Inherit(generation.number, generation.Targets(), records);
  // Of a program that had more slots, those that this one has too.
  for (std::uint32_t i = 0; i < std::min(predecessor.SlotsUsed(), kMaxSlots); ++i) {
    const bool living = std::any_of(records.begin(), records.end(),
                                    [i](const InheritedRecord& record) { return Raw(record.slot) == i; });
    predecessor.CopySlot(Slot{i}, living, SlotOf(Slot{i}).Row());
  }
  for (const InheritedWorker& heir : state.workers_alive) {
    if (const Status status = InheritWorker(heir); !status.Ok()) return status;
  }
  return {};
}

void Supervisor::GoOn() {
  boards_before_.clear();
  ReapChildren();  // whose end came while one program became the other
  MakeRounds();
}

Status Supervisor::InheritWorker(const InheritedWorker& heir) {
  WorkerSlot& slot = SlotOf(heir.slot);
  const std::shared_ptr<ForeignBoard>& board = boards_before_.at(heir.board);
  auto mirror = board->Mirror(heir.slot, slot.Row());
  if (!mirror.Ok()) return mirror.Err();
  board->TakeOutOfService(heir.slot);
  slot.Inherit({SocketPair{UniqueFd(heir.master_end), UniqueFd(heir.worker_end)}, WireVersion{heir.wire_version}, heir.shut,
                std::move(mirror).Value()});
  const Status status = slot.Adopt(
      SpawnedProcess{heir.pid, UniqueFd(heir.pid_fd)}, heir.incarnation, heir.started_at, loop_,
      [this, &slot](Interest) { OnExit(slot); }, [this, &slot](Interest) { OnMessages(slot); });
  if (!status.Ok()) return status;
  PublishState(slot);
  if (fleet_.Find(slot.Id())->state == WorkerState::kReady) dispatcher_.AddSlot(heir.pool, heir.slot, slot.Channel());
  return {};
}

void Supervisor::PublishState(MasterState state) {
  for (const auto& board : ForeignBoards()) board->Publish(state);
}

}  // namespace preforkd
