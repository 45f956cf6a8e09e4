// SlotBook: the ready slots of a pool, and the choice of a slot for a connection. Owns the targets.
//
// It reads the rows of slots whose load has changed (LoadMarks), of chosen slots and of benched slots, never
// of all slots for one choice. A benched slot cannot be chosen at present; it is read again in each round.
#ifndef PREFORKD_MASTER_DISPATCH_SLOT_BOOK_H_
#define PREFORKD_MASTER_DISPATCH_SLOT_BOOK_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "common/scoreboard/scoreboard.h"
#include "master/dispatch/target.h"
#include "master/policy/balance.h"

namespace preforkd {

// The state of the ready slots, for decisions about extra workers.
struct Pressure {
  std::uint32_t ready = 0;
  std::uint32_t blocked = 0;  // occupied (slot_activity.h)
  std::uint32_t slow = 0;     // occupied for a quarter of that time; includes the blocked ones
  std::size_t waiting = 0;    // in the dispatcher, behind slow slots, and in workers for a thread
};

class SlotBook {
 public:
  // `page` must outlive the book.
  explicit SlotBook(MasterPage& page) : page_(page) {}

  void Configure(const DispatchConfig& config);
  // Sets the gathering in effect (balance.h).
  void Gather(const Gathering& gathering) { balancer_.Gather(gathering); }

  // `channel` is borrowed until Remove.
  void Add(Slot slot, SlotChannel& channel);
  // False if it is not there.
  bool Remove(Slot slot);
  // nullptr if it is not there.
  [[nodiscard]] Target* Find(Slot slot) const;
  // Indexed by slot number; nullptr for a slot that is not there.
  [[nodiscard]] const std::vector<std::unique_ptr<Target>>& Targets() const { return targets_; }
  [[nodiscard]] std::uint32_t Ready() const { return ready_; }
  // At least one slot has application threads.
  [[nodiscard]] bool Threaded() const { return threaded_ > 0; }
  // The policy chooses by load (least-connections), not by turn or by client.
  [[nodiscard]] bool ByLoad() const { return balancer_.ByLoad(); }
  // Each client has its slot (client-hash).
  [[nodiscard]] bool ByClient() const { return balancer_.ByClient(); }
  // dispatch.max_connections
  [[nodiscard]] std::uint64_t MaxLoad() const { return bounds_.max_load; }
  // At least one worker was started by the previous program, and does not say when a thread is free.
  [[nodiscard]] bool HasRestored() const { return !unmarked_.empty(); }
  // dispatch.reclaim_after
  [[nodiscard]] Duration ReclaimAfter() const { return timeout_; }

  // Starts a round: earlier readings are out of date.
  void BeginRound();
  // Reads the slots whose load has changed and the benched ones.
  void LearnLoads(Time now);
  // Chooses a slot for `parcel`; nullptr if none has room. `for_thread`: nullptr also if no slot has a free
  // application thread; slots without such threads count as free.
  Target* ChooseFor(const PackedParcel& parcel, Time now, bool for_thread = false);
  // Counts one more connection in the outbox of `target`.
  void Assigned(Target& target);
  // Excludes `target` from this round: its channel is full.
  void Full(Target& target);
  // In this round slow slots get nothing, because another slot is idle.
  bool PreferIdle();

  // There is at least one ready slot, and all of them are slow (Pressure::slow).
  [[nodiscard]] bool AllSlow(Time now) const;
  // Reads every slot. `waiting`: connections not yet assigned to a slot.
  [[nodiscard]] Pressure CurrentPressure(std::size_t waiting, Time now) const;

 private:
  void Read(Target& target, Time now);
  // The part of Read that decides the order among slots with room.
  static void ReadLoad(Target& target);
  // Offers it to the balancer, or benches it if it has no room.
  void Place(Target& target);
  void Bench(Target& target);
  // For a parcel that was reclaimed too often: any slot, even a stuck one. nullptr if every queue is full.
  Target* ShortestQueue(Time now);
  [[nodiscard]] bool AnyIdle() const;

  MasterPage& page_;
  Balancer balancer_{DispatchPolicy::kLeastConnections};
  Bounds bounds_{};
  Duration timeout_{0};
  std::vector<std::unique_ptr<Target>> targets_;
  SlotSet slots_;  // the same slots as bits
  std::uint32_t ready_ = 0;
  std::uint32_t threaded_ = 0;  // of the ready ones
  std::vector<Slot> benched_;
  std::vector<Slot> unmarked_;  // workers of an older program: they set their load marks elsewhere
  std::vector<Slot> scratch_;
  std::uint64_t round_ = 0;
  std::optional<bool> prefer_idle_;  // computed at first use in each round
};

}  // namespace preforkd

#endif
