// WorkerTable: every worker there is or should be, one record a slot, and what may happen to one of them.
// Pure.
//
// Owns the records and the list of actions. It knows what one worker needs (a start, a replacement, a
// deadline); which workers there should be is decided by Fleet.
#ifndef PREFORKD_MASTER_POLICY_FLEET_WORKER_TABLE_H_
#define PREFORKD_MASTER_POLICY_FLEET_WORKER_TABLE_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "common/base/clock.h"
#include "common/base/ids.h"
#include "master/policy/fleet/fleet_actions.h"
#include "master/policy/fleet/generation_target.h"
#include "master/policy/fleet/worker_state.h"

namespace preforkd {

struct WorkerRecord {
  Slot slot{};
  PoolId pool{};
  WorkerState state = WorkerState::kGone;
  Generation generation{};
  FleetSettings settings;            // of its pool, in its generation
  Incarnation incarnation{};         // of the process, or of the last one
  bool wanted = false;               // there should be a worker here
  bool leaving = false;              // its replacement is on the way
  bool extra = false;                // beyond the desired number, while all others are blocked
  std::optional<WorkerId> replaces;  // retire that one when this one is ready
  std::uint32_t failures = 0;        // deaths in a row without useful life
  Time ready_at{};                   // since when, if ready
  std::optional<Time> start_at;      // gone and wanted: when to fork
  std::optional<Time> kill_at;       // starting, retiring: when timeout ends
  bool spawn_asked = false;          // a Spawn action is on its way to the shell

  // One of those that the generation's number of workers counts.
  [[nodiscard]] bool Counts(PoolId of, Generation in) const {
    return wanted && !leaving && !extra && pool == of && generation == in;
  }
};

// A worker that was forked by the program before this one (upgrade in place).
struct SavedRecord {
  Slot slot{};
  PoolId pool{};
  Incarnation incarnation{};
  WorkerState state{};  // not kGone
  bool wanted = false;
  bool leaving = false;
  bool extra = false;
  std::optional<WorkerId> replaces;
  Time ready_at{};
  std::optional<Time> kill_at;
};

class WorkerTable {
 public:
  explicit WorkerTable(std::uint32_t max_slots) : max_slots_(max_slots) {}

  // Precondition: the slot is empty, and the target has the pool.
  void Restore(const SavedRecord& saved, const GenerationTarget& target);
  // After the last Restore: a worker whose replacement has died is no longer being replaced.
  void EndRestore();

  [[nodiscard]] const std::vector<WorkerRecord>& Records() const { return records_; }
  [[nodiscard]] std::vector<WorkerRecord>& Records() { return records_; }
  [[nodiscard]] WorkerRecord& At(Slot slot) { return records_.at(Raw(slot)); }
  // nullptr: this incarnation is not the last one of its slot.
  [[nodiscard]] WorkerRecord* Find(const WorkerId& id);
  [[nodiscard]] const WorkerRecord* Find(const WorkerId& id) const;
  [[nodiscard]] bool HasRoomFor(std::uint32_t workers) const;
  [[nodiscard]] std::uint32_t Count(PoolId pool, Generation generation) const;
  [[nodiscard]] std::uint32_t CountReady(PoolId pool, Generation generation) const;
  [[nodiscard]] std::uint32_t CountExtras(PoolId pool) const;
  // No process is left, and none is being forked.
  [[nodiscard]] bool Empty() const;
  [[nodiscard]] std::optional<Time> NextDeadline() const;

  // One more worker, in a free slot of whichever pool. nullptr: there is no slot.
  WorkerRecord* Add(PoolId pool, const FleetSettings& settings, Generation generation, Time now);
  // All or none. False: there is no room for all.
  bool AddAll(const GenerationTarget& target, Time now);
  // As many workers as the target says, or as many as there are slots for.
  void Resize(const PoolTarget& target, Generation generation, Time now);
  // Starts another one, and retires `id` when that is ready. False: it stays, because it leaves already or no
  // slot is free.
  bool Replace(const WorkerId& id, Time now);
  // The worker is no longer wanted: its process retires, or is not started at all.
  void Release(WorkerRecord& record, Time now);
  // All of them, and those that stay are killed a moment after `deadline`, or after their own drain_timeout.
  void ReleaseAll(Time deadline, Time now);
  // Retires the worker that `record` was started to replace: its successor is ready, or is not wanted either.
  void ReleaseReplaced(WorkerRecord& record, Time now);
  // `record` has died with a replacement on the way: that one takes over what `record` was to replace.
  void PassOnReplaced(WorkerRecord& record);
  void StartAt(WorkerRecord& record, Time when, Time now);
  // Enters an event into the state machine; false when the state stays.
  bool Move(WorkerRecord& record, WorkerEvent event);
  void KillAll(KillCause cause);
  // Starts and kills whatever is due.
  void Tick(Time now);

  // In place: g++ 12 takes the string of another alternative for uninitialised memory where a variant is
  // moved.
  template <typename Action>
  void Push(Action action) {
    actions_.emplace_back(std::in_place_type<Action>, std::move(action));
  }
  FleetActions TakeActions();

 private:
  WorkerRecord* TakeFreeSlot();
  void AskSpawn(WorkerRecord& record);

  std::vector<WorkerRecord> records_;  // index = slot
  std::uint32_t max_slots_;
  FleetActions actions_;
};

}  // namespace preforkd

#endif
