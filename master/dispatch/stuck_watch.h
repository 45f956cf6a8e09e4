// StuckWatch: reclaims parcels that a stuck slot has not taken and, while another slot is idle, parcels that
// wait behind a slow slot (slot_activity.h).
//
// It checks a slot when its oldest untaken parcel has waited too long, then in each Flush until nothing is
// left to reclaim.
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
  // The arguments must outlive the watch.
  StuckWatch(MasterPage& page, SlotBook& slots) : page_(page), slots_(slots) {}

  // The slot was removed.
  void Forget(Slot slot);
  // The slot was given parcels: schedules a check for when it should have taken them.
  void Given(Target& target, Time now);
  // Checks the slots that are due. Reclaimed parcels go to the front of `waiting`: they have waited longest.
  void Check(Ring<PackedParcel>& waiting, Time now);

  // A slot is due for a check now, or in each Flush.
  [[nodiscard]] bool Due(Time now) const {
    return !suspects_.empty() || (!looks_.empty() && looks_.front().at <= now);
  }
  // When the next check is due, if nothing else happens; `soon` if a slot is checked in each Flush.
  [[nodiscard]] std::optional<Time> Next(Time soon) const;

 private:
  struct Appointment {
    Time at;
    Slot slot;
    // Reversed, because a heap has the greatest element in front.
    bool operator<(const Appointment& other) const { return at > other.at; }
  };

  // False if the slot is no longer a suspect.
  bool CheckSlot(Target& target, Time now);
  // Schedules a check for when its oldest untaken parcel has waited too long. False if that time has passed.
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
