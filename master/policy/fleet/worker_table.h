// WorkerTable: all workers that exist or should exist, one record per slot, and the operations on one of
// them. Pure.
//
// Owns the records and the list of actions. It handles what a single worker needs (start, replacement,
// deadline); Fleet decides which workers there should be.
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

// What an upgrade saves of a worker and the next program restores, as it stands. A new field needs one line
// here and one in state_codec.cc.
struct SavedRecord {
  Slot slot{};
  PoolId pool{};
  WorkerState state = WorkerState::kGone;
  Incarnation incarnation{};         // of the process, or of the last one
  bool wanted = false;               // a worker should run here
  bool leaving = false;              // its replacement is starting
  bool extra = false;                // beyond the desired number, while all others are blocked
  std::optional<WorkerId> replaces;  // retire that worker when this one is ready
  Time ready_at{};                   // since when, if ready
  std::optional<Time> kill_at;       // starting or retiring: when to send SIGKILL

  bool operator==(const SavedRecord&) const = default;
};

struct WorkerRecord : SavedRecord {
  Generation generation{};
  FleetSettings settings;        // of its pool, in its generation
  std::uint32_t failures = 0;    // exits in a row before the worker was useful
  std::optional<Time> start_at;  // gone and wanted: when to fork
  bool spawn_asked = false;      // a Spawn action has no outcome yet

  // True if the worker counts towards the desired number of the pool in this generation.
  [[nodiscard]] bool Counts(PoolId of, Generation in) const {
    return wanted && !leaving && !extra && pool == of && generation == in;
  }
};

class WorkerTable {
 public:
  explicit WorkerTable(std::uint32_t max_slots) : max_slots_(max_slots) {}

  // Precondition: the slot is empty, and `target` has the pool.
  void Restore(const SavedRecord& saved, const GenerationTarget& target);
  // After the last Restore: a worker whose replacement has exited is no longer being replaced.
  void EndRestore();

  [[nodiscard]] const std::vector<WorkerRecord>& Records() const { return records_; }
  [[nodiscard]] std::vector<WorkerRecord>& Records() { return records_; }
  [[nodiscard]] WorkerRecord& At(Slot slot) { return records_.at(Raw(slot)); }
  // nullptr: `id` is not the current or last incarnation of its slot.
  [[nodiscard]] WorkerRecord* Find(const WorkerId& id);
  [[nodiscard]] const WorkerRecord* Find(const WorkerId& id) const;
  [[nodiscard]] bool HasRoomFor(std::uint32_t workers) const;
  [[nodiscard]] std::uint32_t Count(PoolId pool, Generation generation) const;
  [[nodiscard]] std::uint32_t CountReady(PoolId pool, Generation generation) const;
  [[nodiscard]] std::uint32_t CountExtras(PoolId pool) const;
  // No process is left, and none is being forked.
  [[nodiscard]] bool Empty() const;
  [[nodiscard]] std::optional<Time> NextDeadline() const;

  // Adds one worker, in a free slot of any previous pool. nullptr: no slot is free. May move the table.
  WorkerRecord* Add(PoolId pool, const FleetSettings& settings, Generation generation, Time now);
  // Adds all workers of the target, or none. False: not enough free slots.
  bool AddAll(const GenerationTarget& target, Time now);
  // Adds or releases workers until the pool has as many as the target, or no slot is free.
  void Resize(const PoolTarget& target, Generation generation, Time now);
  // Starts a replacement and retires `id` when that is ready. False: `id` stays, because it leaves already
  // or no slot is free.
  bool Replace(const WorkerId& id, Time now);
  // The worker is no longer wanted: its process retires, or it is not started at all.
  void Release(WorkerRecord& record, Time now);
  // Releases all workers. Those that remain are killed shortly after `deadline` or their own drain_timeout,
  // whichever is sooner.
  void ReleaseAll(Time deadline, Time now);
  // Retires the worker that `record` was to replace: `record` is ready, or is not wanted any more either.
  void ReleaseReplaced(WorkerRecord& record, Time now);
  // `record` has exited while its own replacement is starting: that one now replaces what `record` was to
  // replace.
  void PassOnReplaced(WorkerRecord& record);
  void StartAt(WorkerRecord& record, Time when, Time now);
  // Feeds an event to the state machine; false if the state stays.
  bool Move(WorkerRecord& record, WorkerEvent event);
  void KillAll(KillCause cause);
  // Starts and kills the workers that are due.
  void Tick(Time now);

  // Constructed in place: where a variant is moved, g++ 12 warns of uninitialised memory in the string of
  // another alternative.
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
