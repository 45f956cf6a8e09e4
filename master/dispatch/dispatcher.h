// Dispatcher: gives each connection to a slot. It owns every parcel in the master that is not parked:
// accepted, woken, handed back or reclaimed, until it is sent on a channel.
//
// It never blocks, never drops a connection and never reads client data. It reclaims what a stuck slot has
// not taken and gives it to other slots. Parcels that no slot can take wait here; meanwhile accepting pauses,
// until none waits.
//
// A request that a worker read and handed back for want of an application thread waits in a queue of its own
// (thread_queue.h) until a slot has a free one, and at most for its time; other connections pass it, because
// a worker has to read them first. Workers tell when a thread is free; the timer is for those that cannot.
//
// The cost of a Flush depends on the number of parcels and of changed loads, not on the number of slots
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
#include "master/dispatch/thread_queue.h"
#include "master/dispatch/thread_watch.h"

namespace preforkd {

class Dispatcher {
 public:
  struct Hooks {
    // (true) when parcels begin to wait for room in a slot, (false) when none waits any more.
    std::function<void(bool)> on_congestion;
    // Parcels wait here, or requests in workers, and every ready slot is slow (Pressure::slow). Called at
    // most once per Flush.
    std::function<void()> on_all_slow;
  };

  // The arguments must outlive the dispatcher. `row`: the row of its pool; shows the number of waiting
  // connections, and whether connections are gathered.
  Dispatcher(EventLoop& loop, MasterPage& page, PoolRow& row, Ledger& ledger, Hooks hooks);

  // `cpus`: the number on which workers can run at once; 0: unknown, nothing is gathered.
  void Configure(const DispatchConfig& config, std::uint32_t cpus = 0);

  // Adds a ready slot. `channel` is borrowed until RemoveSlot.
  void AddSlot(Slot slot, SlotChannel& channel);
  // No effect if the slot is not there.
  void RemoveSlot(Slot slot);

  // Takes a newly accepted connection. The next Flush books it in the ledger and hands it over.
  void SubmitAccepted(PackedParcel&& parcel);
  // Takes a connection that the ledger already counts as waiting: handed back, woken or reclaimed.
  void Submit(PackedParcel&& parcel);
  // The same for one whose request waits for an application thread, here until `until`.
  void SubmitForThread(PackedParcel&& parcel, Time until) {
    for_thread_.Add(std::move(parcel), until, Now());
  }
  void Flush();
  // False: the workers are about to leave, and no others follow: nothing waits here for a thread. True at
  // first.
  void SetPatient(bool patient) { patient_ = patient; }

  // Moves the waiting connections for which `wanted` is true to the end of `taken`.
  void TakeWaiting(const std::function<bool(const PackedParcel&)>& wanted, std::vector<PackedParcel>& taken);
  // Closes all waiting connections and counts them as lost for `reason`.
  void GiveUpWaiting(LossReason reason);
  // Visits the waiting connections. After a Flush, the dispatcher holds no others.
  void ForEachWaiting(const std::function<void(const PackedParcel&)>& visit) const;

  // No more should be accepted: connections wait for room in a slot, or too many for a thread.
  [[nodiscard]] bool Congested() const { return congested_; }
  [[nodiscard]] std::size_t Waiting() const { return waiting_.Size() + for_thread_.Size(); }
  // A retry or a look is scheduled.
  [[nodiscard]] bool TimerRuns() const { return timer_.Pending(); }
  [[nodiscard]] std::uint32_t ReadySlots() const { return slots_.Ready(); }
  // Reads every slot.
  [[nodiscard]] Pressure CurrentPressure() const { return slots_.CurrentPressure(Waiting(), Now()); }

 private:
  void BookAccepted();
  void Distribute(Time now);
  // Hands over what can be.
  void HandOverWaiting(Time now);
  // Moves waiting parcels to outboxes, oldest first, until no slot has room. False if nothing was assigned.
  bool AssignWaiting(Time now);
  void AssignForThread(Time now);
  void Assign(Target& target, PackedParcel parcel);
  // Shows how many wait for a thread. True if workers have not seen before that any does.
  bool ShowThreadQueue();
  // True if everything was sent. Unsent parcels return to the front of the queue, in order.
  bool SendOutboxes(Time now);
  // False if this slot takes no more in this Flush.
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
  ThreadWatch threads_;
  GatherWatch gather_;
  std::vector<Slot> picked_;          // slots with parcels in their outbox
  Ring<PackedParcel> waiting_;        // for room, or to be given out in this Flush; oldest first
  ThreadQueue for_thread_;            // for a thread
  std::vector<PackedParcel> unsent_;  // of this round
  std::uint64_t fresh_ = 0;           // accepted, not yet booked
  Timer timer_;  // runs only while parcels wait, here or in a slot's queue, or threads_ looks
  OncePerSecond log_limit_;
  bool in_flight_limit_ = false;  // ETOOMANYREFS in this round
  bool congested_ = false;
  bool patient_ = true;
};

}  // namespace preforkd

#endif
