// Supervisor, the part that outlives a program: describes the workers for a successor, and goes on with those of a
// predecessor.
#include <algorithm>

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/scoreboard/named_counters.h"
#include "master/workers/supervisor.h"

namespace preforkd {
namespace {

std::optional<WorkerState> StateNamed(std::string_view name) {
  for (const WorkerState state : kAllWorkerStates) {
    if (Name(state) == name && state != WorkerState::kGone) return state;
  }
  return std::nullopt;
}

// Counters of the same names, from a list or into one.
template <typename Counters>
void Restore(Counter& counter, const Counters& from, const std::string& name) {
  if (const auto found = from.find(name); found != from.end()) Set(counter, found->second);
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
  for (const auto& slot : slots_) {
    InheritedSlotTotals& totals = state.slot_totals.emplace_back();
    totals.slot = slot->Number();
    VisitSlotTotals(slot->Row().before,
                    [&](const char* name, const Counter& counter) { totals.counters[name] = Get(counter); });
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
    VisitMastersCounters(slot->Row(), [&](const char* name, const Counter& counter) {
      heir.counters[name] = Get(counter);
    });
    state.workers_alive.push_back(std::move(heir));
  }
}

// The number of the board that the slot's worker writes to: only those that have a worker are left to the successor.
std::uint64_t Supervisor::BequeathBoard(const WorkerSlot& slot, UpgradeState& state) const {
  const ForeignBoard* const foreign = slot.Mirror() != nullptr ? slot.Mirror()->Board().get() : nullptr;
  const int fd = foreign != nullptr ? foreign->Fd() : scoreboard_.Fd();
  for (std::uint64_t i = 0; i < state.boards.size(); ++i) {
    if (state.boards[i].fd == fd) return i;
  }
  state.boards.push_back({fd, foreign != nullptr ? foreign->Description() : scoreboard_.Describe()});
  return state.boards.size() - 1;
}

// ---- coming ----

Status Supervisor::Inherit(const GenerationSpec& generation, const UpgradeState& state) {
  generations_[generation.number] = generation;
  in_service_ = generation.number;
  last_incarnation_ = state.last_incarnation;
  detached_ = state.detached;
  std::vector<std::shared_ptr<ForeignBoard>> boards;
  for (const InheritedBoard& board : state.boards) {
    auto mapped = ForeignBoard::Map(UniqueFd(board.fd), board.description, scoreboard_.Master());
    if (!mapped.Ok()) return mapped.Err();
    boards.push_back(std::move(mapped).Value());
  }
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
  for (const InheritedSlotTotals& totals : state.slot_totals) {
    if (Raw(totals.slot) >= kMaxSlots) continue;  // of a program that had more
    VisitSlotTotals(SlotOf(totals.slot).Row().before,
                    [&](const char* name, Counter& counter) { Restore(counter, totals.counters, name); });
  }
  for (const InheritedWorker& heir : state.workers_alive) {
    if (const Status status = InheritWorker(heir, boards); !status.Ok()) return status;
  }
  return {};
}

void Supervisor::GoOn() {
  ReapChildren();  // whose end came while one program became the other
  MakeRounds();
}

Status Supervisor::InheritWorker(const InheritedWorker& heir,
                                 const std::vector<std::shared_ptr<ForeignBoard>>& boards) {
  WorkerSlot& slot = SlotOf(heir.slot);
  const std::shared_ptr<ForeignBoard>& board = boards.at(heir.board);
  auto mirror = board->Mirror(heir.slot, slot.Row());
  if (!mirror.Ok()) return mirror.Err();
  board->TakeOutOfService(heir.slot);
  VisitMastersCounters(slot.Row(), [&](const char* name, Counter& counter) { Restore(counter, heir.counters, name); });
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
