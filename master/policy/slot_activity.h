// SlotActivity: tells whether a slot is stuck. Pure: fed with its scoreboard row and with times.
//
// Stuck: the worker has not taken its oldest parcel, or has been inside one callback, for
// dispatch.reclaim_after. Its queue is then reclaimed for other slots, and it gets nothing until it moves
// again: takes a parcel, leaves the callback, or updates its heartbeat.
//
// Slow: inside one callback for a quarter of that time. It matters in two cases only: while another slot is
// idle, which then gets this slot's queue, and while all slots are slow, when one more worker may help.
//
// Occupied: blocked, or all its application threads have been busy for that time. Its loop still takes
// parcels, so it is not stuck, but nobody is served; it matters only for one more worker.
#ifndef PREFORKD_MASTER_POLICY_SLOT_ACTIVITY_H_
#define PREFORKD_MASTER_POLICY_SLOT_ACTIVITY_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "common/base/clock.h"
#include "common/structures/ring.h"

namespace preforkd {

// The part of a slot's row that matters here.
struct ActivityReading {
  std::uint64_t queued = 0;             // handed over and not taken
  std::uint64_t taken = 0;              // total of this incarnation
  std::uint64_t callback_since_ns = 0;  // monotonic clock; 0: in no callback
  std::uint64_t heartbeat_ns = 0;       // monotonic clock
  // When the last free application thread became busy, monotonic clock; 0: one is free, or it has none.
  std::uint64_t threads_busy_since_ns = 0;

  bool operator==(const ActivityReading&) const = default;
};

class SlotActivity {
 public:
  // A parcel was sent to the slot's channel. `stays`: it has been moved often enough and is not moved again,
  // so it does not make the slot stuck.
  void Sent(Time now, bool stays);

  // In all of these `timeout` is dispatch.reclaim_after; 0: never stuck.
  bool Stuck(const ActivityReading& reading, Duration timeout, Time now);

  // Inside one callback for at least `timeout`. Tells a blocked worker from one that the machine has not
  // scheduled, which also leaves its queue alone.
  static bool Blocked(const ActivityReading& reading, Duration timeout, Time now);

  // Inside one callback for a quarter of `timeout`.
  static bool Slow(const ActivityReading& reading, Duration timeout, Time now) {
    return Blocked(reading, timeout / kEarly, now);
  }

  // Blocked, or without a free application thread for at least `timeout`: it begins no request.
  static bool Occupied(const ActivityReading& reading, Duration timeout, Time now);

  // Occupied for a quarter of `timeout`.
  static bool OccupiedEarly(const ActivityReading& reading, Duration timeout, Time now) {
    return Occupied(reading, timeout / kEarly, now);
  }

  // Slow, with a movable parcel waiting in its queue. Call Stuck() first.
  [[nodiscard]] bool KeepsSomebodyWaiting(const ActivityReading& reading, Duration timeout, Time now) const {
    return Slow(reading, timeout, now) && OldestMovable();
  }

  // When to check again if no event comes before: when the slot may become slow. In the past if it is slow or
  // stuck already; nullopt while no movable parcel is queued.
  [[nodiscard]] std::optional<Time> NextCheck(const ActivityReading& reading, Duration timeout) const;

  // Forgets everything: a new incarnation.
  void Reset();

 private:
  static constexpr int kEarly = 4;

  struct Queued {
    Time sent;
    bool stays;
  };

  void Forget(std::size_t still_queued);
  [[nodiscard]] std::optional<Time> OldestMovable() const;

  Ring<Queued> queue_;                       // oldest first, as in the channel
  std::optional<ActivityReading> stuck_at_;  // the reading at which the slot became stuck
};

}  // namespace preforkd

#endif
