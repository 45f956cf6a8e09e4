// Dispatcher: gives each connection to a slot. Owns every parcel that is in the master and not parked: those
// that were just accepted, came back or were reclaimed, until a channel has taken them.
//
// It never blocks, never drops and never reads a client's bytes. When no slot can take a parcel it waits here,
// and accepting pauses until the last one that waits has gone.
#ifndef PREFORKD_MASTER_DISPATCHER_H_
#define PREFORKD_MASTER_DISPATCHER_H_

#include <deque>
#include <functional>
#include <vector>

#include "common/base/rate_limit.h"
#include "common/event/event_loop.h"
#include "common/event/timer.h"
#include "common/scoreboard/scoreboard.h"
#include "common/wire/parcel.h"
#include "master/policy/balance.h"
#include "master/slot_channel.h"

namespace preforkd {

class Dispatcher {
 public:
  // `on_congestion(true)` when parcels begin to wait, `(false)` when none waits any more.
  Dispatcher(EventLoop& loop, MasterPage& page, std::function<void(bool)> on_congestion);

  void Configure(const DispatchConfig& config);
  // Every parcel from now on is closed instead of given to a worker: the server is stopping.
  void StopDispatching();

  // Ready slots. `channel` is borrowed until RemoveSlot.
  void AddSlot(Slot slot, SlotChannel& channel);
  // No effect when the slot is not there.
  void RemoveSlot(Slot slot);

  // Takes the parcel; it goes out with the next Flush(), in order.
  void Submit(Parcel parcel);
  void Flush();

  [[nodiscard]] bool Congested() const { return congested_; }
  [[nodiscard]] std::size_t Waiting() const { return waiting_.size(); }

 private:
  struct Target {
    Slot slot{};
    SlotChannel* channel = nullptr;
    std::vector<Parcel> outbox;  // chosen for this slot in this round
  };

  void BuildTable();
  bool AssignWaiting();
  bool SendOutboxes();
  bool SendOutbox(Target& target, Candidate& candidate);
  void ReportRefused(const Parcel& parcel, int errnum);
  void UpdateCongestion();

  MasterPage& page_;
  std::function<void(bool)> on_congestion_;
  Balancer balancer_{DispatchPolicy::kLeastConnections};
  Bounds bounds_{};
  std::vector<Target> targets_;       // the ready slots
  std::vector<Candidate> table_;      // parallel to targets_, for the length of a Flush
  std::deque<Parcel> waiting_;        // oldest first
  std::vector<Parcel> unsent_;        // of this round
  Timer retry_;
  OncePerSecond log_limit_;
  bool in_flight_limit_ = false;  // ETOOMANYREFS in this round
  bool congested_ = false;
  bool stopping_ = false;
};

}  // namespace preforkd

#endif
