// Dispatcher: gives each connection to a slot. Owns every parcel that is in the master and not parked: those
// that were just accepted, came back or were reclaimed, until a channel has taken them.
//
// It never blocks, never drops and never reads a client's bytes. What a stuck slot has not taken it takes back and
// gives to others. When no slot can take a parcel it waits here, and accepting pauses until the last one that waits
// has gone.
#ifndef PREFORKD_MASTER_DISPATCHER_H_
#define PREFORKD_MASTER_DISPATCHER_H_

#include <deque>
#include <functional>
#include <optional>
#include <vector>

#include "common/base/rate_limit.h"
#include "common/event/event_loop.h"
#include "common/event/timer.h"
#include "common/scoreboard/scoreboard.h"
#include "common/wire/parcel.h"
#include "master/policy/balance.h"
#include "master/policy/pulse.h"
#include "master/slot_channel.h"

namespace preforkd {

// What the ready slots look like to those who decide about more workers.
struct Pressure {
  std::uint32_t ready = 0;
  std::uint32_t blocked = 0;
  std::uint32_t held_up = 0;  // the blocked ones included (pulse.h)
  std::size_t waiting = 0;    // here, and behind those that are held up
};

class Dispatcher {
 public:
  struct Hooks {
    // (true) when parcels begin to wait, (false) when none waits any more.
    std::function<void(bool)> on_congestion;
    // Parcels wait, and every ready slot is held up. Called once a flush at most.
    std::function<void()> on_all_held_up;
  };

  Dispatcher(EventLoop& loop, MasterPage& page) : Dispatcher(loop, page, Hooks{[](bool) {}, [] {}}) {}
  Dispatcher(EventLoop& loop, MasterPage& page, Hooks hooks);

  void Configure(const DispatchConfig& config);
  // Every parcel from now on is closed instead of given to a worker, and counts as lost: the server has been
  // told to stop at once.
  void StopDispatching();

  // Ready slots. `channel` is borrowed until RemoveSlot.
  void AddSlot(Slot slot, SlotChannel& channel);
  // No effect when the slot is not there.
  void RemoveSlot(Slot slot);

  // Takes a connection that has just been accepted; it is counted and goes out with the next Flush().
  void SubmitAccepted(Parcel parcel);
  // Takes one that is known already: it came back, or was reclaimed. Counted as waiting from this moment.
  void Submit(Parcel parcel);
  void Flush();

  // The connections that wait here, oldest first; after a Flush that is all that are here.
  [[nodiscard]] const std::deque<Parcel>& WaitingParcels() const { return waiting_; }

  [[nodiscard]] bool Congested() const { return congested_; }
  [[nodiscard]] std::size_t Waiting() const { return waiting_.size(); }
  // It will look again by itself.
  [[nodiscard]] bool TimerRuns() const { return timer_.Pending(); }
  // The blocked ones are as of the last Flush.
  [[nodiscard]] Pressure CurrentPressure() const;

 private:
  struct Target {
    Target(Slot number, SlotChannel& borrowed) : slot(number), channel(&borrowed) {}
    Target(Target&&) = default;
    Target& operator=(Target&&) = default;

    Slot slot;
    SlotChannel* channel;
    SlotPulse pulse;
    std::vector<Parcel> outbox;  // chosen for this slot in this round
  };

  void Distribute();
  void DropAll();
  // Takes back what stuck slots have not taken, and while somebody is idle what waits behind those that are held up.
  void ReclaimFromStuck(Time now);
  [[nodiscard]] bool SomebodyIdle() const;
  void BuildTable(Time now);
  std::optional<std::size_t> ChooseFor(const Parcel& parcel);
  bool AssignWaiting();
  bool SendOutboxes(Time now);
  bool SendOutbox(Target& target, Candidate& candidate, Time now);
  void ReportInFlight();
  void OnRefused(Parcel& parcel, int errnum);
  void UpdateCongestion();
  void ArmTimer(Time now);

  MasterPage& page_;
  Hooks hooks_;
  Balancer balancer_{DispatchPolicy::kLeastConnections};
  Bounds bounds_{};
  Duration patience_{0};              // dispatch.reclaim_after
  std::vector<Target> targets_;       // the ready slots
  std::vector<Candidate> table_;      // parallel to targets_, for the length of a Flush
  std::deque<Parcel> waiting_;        // oldest first
  std::vector<Parcel> unsent_;        // of this round
  std::vector<Parcel> reclaimed_;     // scratch
  bool prefer_idle_ = false;          // in this Flush: who is held up gets nothing, because somebody is idle
  std::uint64_t fresh_ = 0;           // accepted and not yet counted
  Timer timer_;  // runs only while something waits: here, or in a slot's queue
  OncePerSecond log_limit_;
  bool in_flight_limit_ = false;  // ETOOMANYREFS in this round
  bool congested_ = false;
  bool stopping_ = false;
};

}  // namespace preforkd

#endif
