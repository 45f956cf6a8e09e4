// Target: one ready slot as the dispatcher sees it: what it was last seen to have, and what is about to be
// sent to it. SlotBook owns it.
#ifndef PREFORKD_MASTER_DISPATCH_TARGET_H_
#define PREFORKD_MASTER_DISPATCH_TARGET_H_

#include <cstdint>
#include <vector>

#include "common/base/ids.h"
#include "common/wire/packed_parcel.h"
#include "master/dispatch/slot_channel.h"
#include "master/policy/balance.h"
#include "master/policy/callback_speed.h"
#include "master/policy/slot_activity.h"

namespace preforkd {

// When a slot is looked at although nothing is to be given to it: something that it has not taken may have to
// be taken back (StuckWatch).
enum class Watch {
  kNone,     // it has taken everything
  kTimed,    // when its time has come
  kSuspect,  // now, and in each Flush
};

// Times a parcel is taken back from a stuck slot; then it goes where the queue is shortest, and stays.
inline constexpr std::uint32_t kMaxMoves = 3;

struct Target {
  Target(Slot number, SlotChannel& borrowed) : slot(number), channel(&borrowed), counted(Callbacks()) {}

  [[nodiscard]] ActivityReading Reading() const {
    const WorkerRow& row = channel->Row();
    return ActivityReading{row.Queued(), Get(row.taken), Get(row.callback_since_ns), Get(row.heartbeat_ns)};
  }
  [[nodiscard]] CallbackSums Callbacks() const {
    const WorkerRow& row = channel->Row();
    return {Get(row.callbacks), Get(row.busy_ns)};
  }

  Slot slot;
  SlotChannel* channel;  // borrowed
  SlotActivity slot_activity;
  Candidate seen;           // as of the last look, with what is in the outbox
  std::uint64_t round = 0;  // in which that was
  CallbackSums counted;     // of its worker's callbacks (GatherWatch)
  bool offered = false;     // to the balancer; else it is benched
  Watch watch = Watch::kNone;
  std::vector<PackedParcel> outbox;  // chosen for this slot in this round
};

}  // namespace preforkd

#endif
