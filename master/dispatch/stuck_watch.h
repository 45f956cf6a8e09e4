// StuckWatch: takes back what a stuck slot has not taken, and while another slot is idle what waits behind
// one that is held up (slot_activity.h).
//
// It looks at a slot when the oldest connection that the slot has left alone has waited for too long, and
// then in each Flush until nothing is left to take back.
#ifndef PREFORKD_MASTER_DISPATCH_STUCK_WATCH_H_
#define PREFORKD_MASTER_DISPATCH_STUCK_WATCH_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "common/base/clock.h"
#include "common/scoreboard/scoreboard.h"
#include "common/structures/ring.h"
#include "common/wire/packed_parcel.h"
#include "master/dispatch/slot_book.h"

namespace preforkd {

class StuckWatch {
 public:
  // Both outlive the watch.
  StuckWatch(MasterPage& page, SlotBook& slots) : page_(page), slots_(slots) {}

  // The slot has gone.
  void Forget(Slot slot);
  // The slot has been given something: looks at it when it should have taken that.
  void Given(Target& target, Time now);
  // Looks at those whose time has come. What is taken back goes in front of `waiting`: it has waited longest.
  void Check(Ring<PackedParcel>& waiting, Time now);

  // A slot is to be looked at now, or in each Flush.
  [[nodiscard]] bool Due(Time now) const {
    return !suspects_.empty() || (!looks_.empty() && looks_.front().at <= now);
  }
  // When to look, if nothing else happens; in each Flush counts as `soon`.
  [[nodiscard]] std::optional<Time> Next(Time soon) const;

 private:
  struct Appointment {
    Time at;
    Slot slot;
    bool operator<(const Appointment& other) const {
      return at > other.at;
    }  // a heap has the greatest in front
  };

  // False when there is nothing to be suspected of any more.
  bool CheckSlot(Target& target, Time now);
  // Looks again when the oldest that it has not taken has waited for too long. False: now.
  bool WatchFor(Target& target, Time now);
  void ReclaimFrom(Target& target, bool stuck, std::uint64_t callback_since_ns);

  MasterPage& page_;
  SlotBook& slots_;
  std::vector<Appointment> looks_;  // a heap
  std::vector<Slot> suspects_;
  std::vector<PackedParcel> reclaimed_;  // scratch
};

}  // namespace preforkd

#endif
