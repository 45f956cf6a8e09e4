// Target: one ready slot as the dispatcher sees it: the last reading, and the parcels about to be sent to it.
// Owned by SlotBook.
#ifndef PREFORKD_MASTER_DISPATCH_TARGET_H_
#define PREFORKD_MASTER_DISPATCH_TARGET_H_

#include <algorithm>
#include <cstdint>
#include <vector>

#include "common/base/ids.h"
#include "common/wire/packed_parcel.h"
#include "master/dispatch/slot_channel.h"
#include "master/policy/balance.h"
#include "master/policy/callback_speed.h"
#include "master/policy/slot_activity.h"

namespace preforkd {

// When StuckWatch checks the slot for untaken parcels to reclaim.
enum class Watch {
  kNone,     // never: it has taken everything
  kTimed,    // when the scheduled check is due
  kSuspect,  // now and in each Flush
};

// How often a parcel is reclaimed. After that it goes to the slot with the shortest queue, and stays there.
inline constexpr std::uint32_t kMaxMoves = 3;

struct Target {
  Target(Slot number, SlotChannel& borrowed) : slot(number), channel(&borrowed), counted(Callbacks()) {
    // Once: a worker has its application threads before it is ready, and for its whole life.
    seen.threaded = Get(channel->Row().threads) > 0;
  }

  [[nodiscard]] ActivityReading Reading() const {
    const WorkerRow& row = channel->Row();
    return ActivityReading{row.Queued(), Get(row.taken), Get(row.callback_since_ns), Get(row.heartbeat_ns),
                           Get(row.threads_busy_since_ns)};
  }
  // Complete requests that wait in its worker. As a worker can write any number, not more than its
  // connections.
  [[nodiscard]] std::uint64_t RequestsWaiting() const {
    const WorkerRow& row = channel->Row();
    return std::min(Get(row.requests_waiting), row.InProgress());
  }
  [[nodiscard]] CallbackSums Callbacks() const {
    const WorkerRow& row = channel->Row();
    return {Get(row.callbacks), Get(row.busy_ns)};
  }

  Slot slot;
  SlotChannel* channel;  // borrowed
  SlotActivity slot_activity;
  Candidate seen;           // the last reading, including the outbox
  std::uint64_t round = 0;  // round of the last reading
  CallbackSums counted;     // callbacks of its worker so far (GatherWatch)
  bool offered = false;     // to the balancer; else benched
  Watch watch = Watch::kNone;
  std::vector<PackedParcel> outbox;  // parcels chosen for this slot in this round
};

}  // namespace preforkd

#endif
