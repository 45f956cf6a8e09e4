#include "master/policy/fleet/worker_table.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"

namespace preforkd {
namespace {

// Grace after drain_timeout before SIGKILL: at drain_timeout the worker itself closes what is left.
constexpr Duration kDrainGrace = std::chrono::seconds(1);

bool IsFree(const WorkerRecord& record) {
  return record.state == WorkerState::kGone && !record.wanted && !record.spawn_asked;
}

WorkerId IdOf(const WorkerRecord& record) { return {record.slot, record.incarnation}; }

}  // namespace

// ---- upgrade ----

void WorkerTable::Restore(const SavedRecord& saved, const GenerationTarget& target) {
  const PoolTarget* pool = target.Find(saved.pool);
  PF_CHECK(pool != nullptr, "a saved worker of a pool that is not in service");
  PF_CHECK(Raw(saved.slot) < max_slots_ && saved.state != WorkerState::kGone,
           "a saved worker with an invalid slot or state");
  while (records_.size() <= Raw(saved.slot)) {
    records_.push_back(WorkerRecord{});
    records_.back().slot = static_cast<Slot>(records_.size() - 1);
  }
  WorkerRecord& record = At(saved.slot);
  PF_CHECK(record.state == WorkerState::kGone, "two saved workers in one slot");
  static_cast<SavedRecord&>(record) = saved;
  record.generation = target.number;
  record.settings = pool->settings;
}

void WorkerTable::EndRestore() {
  for (WorkerRecord& record : records_) {
    record.leaving = record.leaving && std::any_of(records_.begin(), records_.end(),
                                                   [id = IdOf(record)](const WorkerRecord& other) {
                                                     return other.replaces == id;
                                                   });
  }
}

// ---- queries ----

WorkerRecord* WorkerTable::Find(const WorkerId& id) {
  return const_cast<WorkerRecord*>(std::as_const(*this).Find(id));
}

const WorkerRecord* WorkerTable::Find(const WorkerId& id) const {
  if (Raw(id.slot) >= records_.size()) return nullptr;
  const WorkerRecord& record = records_[Raw(id.slot)];
  return record.incarnation == id.incarnation ? &record : nullptr;
}

bool WorkerTable::HasRoomFor(std::uint32_t workers) const {
  const auto taken =
      std::count_if(records_.begin(), records_.end(), [](const auto& record) { return !IsFree(record); });
  return workers <= max_slots_ - static_cast<std::uint32_t>(taken);
}

std::uint32_t WorkerTable::Count(PoolId pool, Generation generation) const {
  return static_cast<std::uint32_t>(
      std::count_if(records_.begin(), records_.end(),
                    [&](const WorkerRecord& record) { return record.Counts(pool, generation); }));
}

std::uint32_t WorkerTable::CountReady(PoolId pool, Generation generation) const {
  return static_cast<std::uint32_t>(
      std::count_if(records_.begin(), records_.end(), [&](const WorkerRecord& record) {
        return record.Counts(pool, generation) && record.state == WorkerState::kReady;
      }));
}

std::uint32_t WorkerTable::CountExtras(PoolId pool) const {
  return static_cast<std::uint32_t>(std::count_if(
      records_.begin(), records_.end(),
      [pool](const WorkerRecord& record) { return record.pool == pool && record.extra && record.wanted; }));
}

bool WorkerTable::Empty() const {
  return std::all_of(records_.begin(), records_.end(), [](const WorkerRecord& record) {
    return record.state == WorkerState::kGone && !record.spawn_asked;
  });
}

std::optional<Time> WorkerTable::NextDeadline() const {
  std::optional<Time> next;
  const auto consider = [&next](const std::optional<Time>& time) {
    if (time && (!next || *time < *next)) next = time;
  };
  for (const WorkerRecord& record : records_) {
    if (!record.spawn_asked) consider(record.start_at);
    consider(record.kill_at);
  }
  return next;
}

// ---- adding and removing ----

WorkerRecord* WorkerTable::TakeFreeSlot() {
  auto free = std::find_if(records_.begin(), records_.end(), IsFree);
  if (free == records_.end()) {
    if (records_.size() >= max_slots_) return nullptr;
    records_.push_back(WorkerRecord{});
    free = records_.end() - 1;
    free->slot = static_cast<Slot>(records_.size() - 1);
  }
  WorkerRecord fresh;
  fresh.slot = free->slot;
  fresh.incarnation = free->incarnation;
  *free = fresh;
  return &*free;
}

WorkerRecord* WorkerTable::Add(PoolId pool, const FleetSettings& settings, Generation generation, Time now) {
  const FleetSettings own = settings;  // `settings` may be part of a record, and Add may move the table
  WorkerRecord* record = TakeFreeSlot();
  if (record == nullptr) return nullptr;
  record->pool = pool;
  record->settings = own;
  record->generation = generation;
  record->wanted = true;
  StartAt(*record, now, now);
  return record;
}

bool WorkerTable::AddAll(const GenerationTarget& target, Time now) {
  if (!HasRoomFor(target.Workers())) return false;
  for (const PoolTarget& pool : target.pools) {
    for (std::uint32_t i = 0; i < pool.workers; ++i) (void)Add(pool.pool, pool.settings, target.number, now);
  }
  return true;
}

void WorkerTable::Resize(const PoolTarget& target, Generation generation, Time now) {
  std::uint32_t count = Count(target.pool, generation);
  while (count < target.workers && Add(target.pool, target.settings, generation, now) != nullptr) ++count;
  // Release workers that do not serve yet first, then the highest slots: the low numbers, which label graphs,
  // stay.
  for (const bool serving_too : {false, true}) {
    for (auto record = records_.rbegin(); record != records_.rend(); ++record) {
      if (Count(target.pool, generation) <= target.workers) return;
      const bool serves = record->state == WorkerState::kReady;
      if (record->Counts(target.pool, generation) && (serving_too || !serves)) Release(*record, now);
    }
  }
}

bool WorkerTable::Replace(const WorkerId& id, Time now) {
  WorkerRecord* record = Find(id);
  if (record == nullptr || record->leaving || !record->wanted) return false;
  if (record->state != WorkerState::kReady && record->state != WorkerState::kStarting) return false;
  if (record->extra) {  // it is surplus: no replacement
    Release(*record, now);
    return true;
  }
  WorkerRecord* replacement =
      Add(record->pool, record->settings, record->generation, now);  // may move the table
  if (replacement == nullptr)
    return false;  // no slot is free: the old worker stays, which is better than one fewer
  replacement->replaces = id;
  At(id.slot).leaving = true;
  return true;
}

// ---- one worker ----

void WorkerTable::Release(WorkerRecord& record, Time now) {
  record.wanted = false;
  record.leaving = false;
  record.start_at.reset();
  ReleaseReplaced(record, now);
  if (record.state == WorkerState::kGone || !Move(record, WorkerEvent::kRetire)) return;
  record.kill_at = now + record.settings.drain_timeout + kDrainGrace;
  Push(Retire{IdOf(record)});
}

void WorkerTable::ReleaseAll(Time deadline, Time now) {
  for (WorkerRecord& record : records_) {
    Release(record, now);
    if (record.kill_at) record.kill_at = std::min(*record.kill_at, std::max(deadline, now) + kDrainGrace);
  }
}

void WorkerTable::ReleaseReplaced(WorkerRecord& record, Time now) {
  if (!record.replaces) return;
  WorkerRecord* old = Find(*record.replaces);
  record.replaces.reset();
  if (old != nullptr && old->leaving) Release(*old, now);
}

void WorkerTable::PassOnReplaced(WorkerRecord& record) {
  for (WorkerRecord& other : records_) {
    if (other.replaces == IdOf(record)) other.replaces = record.replaces;
  }
  record.replaces.reset();
}

void WorkerTable::StartAt(WorkerRecord& record, Time when, Time now) {
  record.start_at = when;
  if (when <= now) AskSpawn(record);
}

void WorkerTable::AskSpawn(WorkerRecord& record) {
  record.spawn_asked = true;
  Push(Spawn{record.slot, record.pool, record.generation});
}

bool WorkerTable::Move(WorkerRecord& record, WorkerEvent event) {
  const Transition transition = Next(record.state, event);
  PF_CHECK(transition.verdict != Verdict::kBug, "invalid worker state transition");
  record.state = transition.next;
  return transition.verdict == Verdict::kMoved;
}

void WorkerTable::KillAll(KillCause cause) {
  for (WorkerRecord& record : records_) {
    if (record.state == WorkerState::kGone) continue;
    record.kill_at.reset();
    Push(Kill{IdOf(record), cause});
  }
}

void WorkerTable::Tick(Time now) {
  for (WorkerRecord& record : records_) {
    if (record.start_at && *record.start_at <= now && !record.spawn_asked) AskSpawn(record);
    if (!record.kill_at || *record.kill_at > now) continue;
    record.kill_at.reset();
    const bool starting = record.state == WorkerState::kStarting;
    Push(Kill{IdOf(record), starting ? KillCause::kNotReady : KillCause::kNotFinished});
  }
}

FleetActions WorkerTable::TakeActions() {
  FleetActions actions;
  actions.swap(actions_);
  return actions;
}

}  // namespace preforkd
