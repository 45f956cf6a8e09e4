// Dispatcher: gives each connection to a slot. Owns every parcel that is in the master and not parked: those
// that were just accepted, came back or were reclaimed, until a channel has taken them.
//
// It never blocks, never drops and never reads a client's bytes. What a stuck slot has not taken it takes back and
// gives to others. When no slot can take a parcel it waits here, and accepting pauses until the last one that waits
// has gone.
//
// What a Flush costs depends on what it gives out and on what has changed, not on the number of slots: it reads the rows
// of slots whose load has changed (LoadMarks), that it chooses, that have left something alone for a while, and that could
// not be chosen the last time. Ten times a second, where there is something to gather, it reads all of them.
#ifndef PREFORKD_MASTER_DISPATCH_DISPATCHER_H_
#define PREFORKD_MASTER_DISPATCH_DISPATCHER_H_

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "common/event/event_loop.h"
#include "common/event/timer.h"
#include "common/scoreboard/ledger.h"
#include "common/scoreboard/scoreboard.h"
#include "common/structures/rate_limit.h"
#include "common/structures/ring.h"
#include "common/wire/packed_parcel.h"
#include "master/dispatch/slot_channel.h"
#include "master/policy/balance.h"
#include "master/policy/briskness.h"
#include "master/policy/pulse.h"

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

  // All outlive the dispatcher.
  Dispatcher(EventLoop& loop, MasterPage& page, Ledger& ledger)
      : Dispatcher(loop, page, ledger, Hooks{[](bool) {}, [] {}}) {}
  Dispatcher(EventLoop& loop, MasterPage& page, Ledger& ledger, Hooks hooks);

  // `cpus`: on which workers can run at once; 0: not known, nothing is gathered.
  void Configure(const DispatchConfig& config, std::uint32_t cpus = 0);
  // How many parcels wait is shown there from now on; `row` outlives the dispatcher.
  void ShowWaitingIn(PoolRow& row) { row_ = &row; }
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
  [[nodiscard]] std::uint32_t ReadySlots() const { return ready_; }
  // Looks at every slot.
  [[nodiscard]] Pressure CurrentPressure() const;

 private:
  // When a slot is looked at although nothing is to be given to it: something that it has not taken may have to be
  // taken back.
  enum class Watch {
    kNone,     // it has taken everything
    kTimed,    // when its time in looks_ has come
    kSuspect,  // now, and in each Flush
  };

  struct Target {
    Target(Slot number, SlotChannel& borrowed)
        : slot(number), channel(&borrowed), counted(CallbacksOf(borrowed.Row())) {}

    Slot slot;
    SlotChannel* channel;
    SlotPulse pulse;
    Candidate seen;             // as of the last look, with what is in the outbox
    std::uint64_t round = 0;    // in which that was
    CallbackSums counted;       // of its worker's callbacks
    bool offered = false;       // to the balancer; else it is in benched_
    Watch watch = Watch::kNone;
    std::vector<PackedParcel> outbox;  // chosen for this slot in this round
  };

  struct Look {
    Time at;
    Slot slot;
    bool operator<(const Look& other) const { return at > other.at; }  // a heap has the greatest in front
  };

  // Times a parcel is taken back from a stuck slot; then it goes where the queue is shortest, and stays.
  static constexpr std::uint32_t kMaxMoves = 3;

  static PulseReading ReadingOf(const SlotChannel& channel);
  static CallbackSums CallbacksOf(const WorkerRow& row) { return {Get(row.callbacks), Get(row.busy_ns)}; }
  void Distribute(Time now);

  // ---- what slots have not taken ----
  // Takes back what stuck slots have not taken, and while somebody is idle what waits behind those that are held up.
  void LookAtSuspects(Time now);
  // False when there is nothing to be suspected of any more.
  bool LookAt(Target& target, Time now);
  void ReclaimFrom(Target& target, bool stuck, std::uint64_t callback_since_ns);
  // Looks again when the oldest that it has not taken has waited for too long. False: now.
  bool WatchFor(Target& target, Time now);
  // In this Flush: who is held up gets nothing, because somebody is idle.
  bool PreferIdle();
  [[nodiscard]] bool SomebodyIdle() const;
  [[nodiscard]] bool AllHeldUp(Time now) const;

  // ---- who may be chosen ----
  // Gathers connections while workers are brisk.
  void LearnBriskness(Time now);
  // Callbacks of all workers since the last time.
  CallbackSums CountCallbacks(Time now);
  [[nodiscard]] Target* Find(Slot slot) const;
  // Those whose load has changed, and those that could not be chosen.
  void LearnLoads(Time now);
  void Read(Target& target, Time now);
  // Offers it to the balancer, or benches it.
  void Place(Target& target);
  void Bench(Target& target);
  Target* ChooseFor(const PackedParcel& parcel, Time now);
  // For a connection that has been moved often enough: stuck or not. nullptr when every queue is full.
  Target* ShortestQueue(Time now);

  // ---- giving ----
  bool AssignWaiting(Time now);
  bool SendOutboxes(Time now);
  bool SendOutbox(Target& target, Time now);
  void ReportInFlight();
  void OnRefused(PackedParcel& parcel, int errnum);
  void UpdateCongestion();
  void ArmTimer(Time now);

  MasterPage& page_;
  PoolRow* row_ = nullptr;
  Ledger& ledger_;
  Hooks hooks_;
  Balancer balancer_{DispatchPolicy::kLeastConnections};
  Bounds bounds_{};
  Duration patience_{0};              // dispatch.reclaim_after
  Gathering gathering_;               // while the workers are brisk
  Briskness briskness_;
  Time counted_at_{};
  std::vector<std::unique_ptr<Target>> targets_;  // the ready slots, by number; gaps
  SlotSet mine_;                      // the same as bits
  std::uint32_t ready_ = 0;           // of them
  std::vector<Slot> benched_;         // cannot be chosen for a reason that may pass without a word: looked at in each Flush
  std::vector<Slot> unmarked_;        // their workers, an older program's, leave their marks elsewhere
  std::vector<Slot> picked_;          // have something in their outbox
  std::vector<Look> looks_;           // a heap
  std::vector<Slot> suspects_;
  Ring<PackedParcel> waiting_;              // oldest first
  std::vector<PackedParcel> unsent_;        // of this round
  std::vector<PackedParcel> reclaimed_;     // scratch
  std::vector<Slot> scratch_;
  std::uint64_t round_ = 0;           // number of this Flush
  std::optional<bool> prefer_idle_;   // of this round, once somebody has asked
  std::uint64_t fresh_ = 0;           // accepted and not yet booked
  Timer timer_;  // runs only while something waits: here, or in a slot's queue
  OncePerSecond log_limit_;
  bool in_flight_limit_ = false;  // ETOOMANYREFS in this round
  bool congested_ = false;
  bool stopping_ = false;
};

}  // namespace preforkd

#endif
