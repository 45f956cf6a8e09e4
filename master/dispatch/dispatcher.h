// Dispatcher: gives each connection to a slot. Owns every parcel that is in the master and not parked: those
// that were just accepted, came back or were reclaimed, until a channel has taken them.
//
// It never blocks, never drops and never reads a client's bytes. What a stuck slot has not taken it takes
// back and gives to others. When no slot can take a parcel it waits here, and accepting pauses until the last
// one that waits has gone.
//
// What a Flush costs depends on what it gives out and on what has changed, not on the number of slots
// (slot_book.h).
#ifndef PREFORKD_MASTER_DISPATCH_DISPATCHER_H_
#define PREFORKD_MASTER_DISPATCH_DISPATCHER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "common/event/event_loop.h"
#include "common/event/timer.h"
#include "common/scoreboard/ledger.h"
#include "common/scoreboard/scoreboard.h"
#include "common/structures/rate_limit.h"
#include "common/structures/ring.h"
#include "common/wire/packed_parcel.h"
#include "master/dispatch/gather_watch.h"
#include "master/dispatch/slot_book.h"
#include "master/dispatch/slot_channel.h"
#include "master/dispatch/stuck_watch.h"

namespace preforkd {

class Dispatcher {
 public:
  struct Hooks {
    // (true) when parcels begin to wait, (false) when none waits any more.
    std::function<void(bool)> on_congestion;
    // Parcels wait, and every ready slot is held up. Called once a flush at most.
    std::function<void()> on_all_slow;
  };

  // All outlive the dispatcher.
  // `row`: its pool's, where it shows how many connections wait and whether they are gathered.
  Dispatcher(EventLoop& loop, MasterPage& page, PoolRow& row, Ledger& ledger, Hooks hooks);

  // `cpus`: on which workers can run at once; 0: not known, nothing is gathered.
  void Configure(const DispatchConfig& config, std::uint32_t cpus = 0);
  // Every parcel from now on is closed instead of given to a worker, and counts as lost: the server has been
  // told to stop at once.
  void StopDispatching();

  // Ready slots. `channel` is borrowed until RemoveSlot.
  void AddSlot(Slot slot, SlotChannel& channel);
  // No effect when the slot is not there.
  void RemoveSlot(Slot slot);

  // Takes a connection that has just been accepted; it is booked and goes out with the next Flush().
  void SubmitAccepted(PackedParcel&& parcel);
  // Takes one that the ledger counts as waiting already: it came back, was woken or reclaimed.
  void Submit(PackedParcel&& parcel);
  void Flush();

  // Moves those of the connections that wait, and that `wanted` names, behind `taken`.
  void TakeWaiting(const std::function<bool(const PackedParcel&)>& wanted, std::vector<PackedParcel>& taken);
  // Closes all that wait, which are lost for that reason.
  void GiveUpWaiting(LossReason reason);
  // The connections that wait here, oldest first; after a Flush that is all that are here.
  [[nodiscard]] const Ring<PackedParcel>& WaitingParcels() const { return waiting_; }

  [[nodiscard]] bool Congested() const { return congested_; }
  [[nodiscard]] std::size_t Waiting() const { return waiting_.Size(); }
  // It will look again by itself.
  [[nodiscard]] bool TimerRuns() const { return timer_.Pending(); }
  [[nodiscard]] std::uint32_t ReadySlots() const { return slots_.Ready(); }
  // Looks at every slot.
  [[nodiscard]] Pressure CurrentPressure() const { return slots_.CurrentPressure(waiting_.Size(), Now()); }

 private:
  void Distribute(Time now);
  // Puts waiting parcels into outboxes, oldest first, until no slot has room. False when nothing was
  // assigned.
  bool AssignWaiting(Time now);
  // True when everything went. What did not go waits again, in front, in its order.
  bool SendOutboxes(Time now);
  // False when this slot takes no more in this Flush.
  bool SendOutbox(Target& target, Time now);
  void ReportInFlight();
  void OnRefused(PackedParcel& parcel, int errnum);
  void UpdateCongestion();
  void ArmTimer(Time now);

  MasterPage& page_;
  PoolRow& row_;
  Ledger& ledger_;
  Hooks hooks_;
  SlotBook slots_;
  StuckWatch stuck_;
  GatherWatch gather_;
  std::vector<Slot> picked_;          // have something in their outbox
  Ring<PackedParcel> waiting_;        // oldest first
  std::vector<PackedParcel> unsent_;  // of this round
  std::uint64_t fresh_ = 0;           // accepted and not yet booked
  Timer timer_;                       // runs only while something waits: here, or in a slot's queue
  OncePerSecond log_limit_;
  bool in_flight_limit_ = false;  // ETOOMANYREFS in this round
  bool congested_ = false;
  bool stopping_ = false;
};

}  // namespace preforkd

#endif
