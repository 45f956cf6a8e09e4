// SlotActivity: is a slot stuck? Pure: fed with what the scoreboard shows and with times.
//
// Stuck means: it has left its oldest untaken parcel alone for too long, or has been inside one callback for
// too long. What waits in a stuck slot goes to others, and it is given nothing until it moves again: takes,
// leaves the callback, or beats.
//
// Held up is less than stuck: a quarter of that time in one callback. It matters only while another slot is
// idle, who then gets what waits here, and while all are held up, when one more worker may help.
#ifndef PREFORKD_MASTER_POLICY_SLOT_ACTIVITY_H_
#define PREFORKD_MASTER_POLICY_SLOT_ACTIVITY_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "common/base/clock.h"
#include "common/structures/ring.h"

namespace preforkd {

// A slot's row, as far as it matters here.
struct ActivityReading {
  std::uint64_t queued = 0;             // handed over and not taken
  std::uint64_t taken = 0;              // ever, by this incarnation
  std::uint64_t callback_since_ns = 0;  // 0: it waits
  std::uint64_t heartbeat_ns = 0;

  bool operator==(const ActivityReading&) const = default;
};

class SlotActivity {
 public:
  // A parcel has been put into the slot's channel. `stays`: it has been moved often enough, and does not make
  // the slot stuck.
  void Sent(Time now, bool stays);

  // `patience` is dispatch.reclaim_after; 0 = never stuck.
  bool Stuck(const ActivityReading& reading, Duration timeout, Time now);

  // Inside one callback for longer than that: what tells a worker that is blocked from one that the machine
  // has not let run, and that has left its queue alone for no other reason.
  static bool Blocked(const ActivityReading& reading, Duration timeout, Time now);

  // Inside one callback for a quarter of `patience`.
  static bool Slow(const ActivityReading& reading, Duration timeout, Time now) {
    return Blocked(reading, timeout / kEarly, now);
  }

  // Held up, and a parcel that could be moved waits behind that. Call Stuck() first.
  [[nodiscard]] bool KeepsSomebodyWaiting(const ActivityReading& reading, Duration timeout, Time now) const {
    return Slow(reading, timeout, now) && OldestMovable();
  }

  // When to look, if nothing else happens: when it may be held up. Past if it is already, or is stuck;
  // nullopt while no parcel that could be moved is queued.
  [[nodiscard]] std::optional<Time> NextCheck(const ActivityReading& reading, Duration timeout) const;

  // A new incarnation.
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
  std::optional<ActivityReading> stuck_at_;  // the reading that did not move
};

}  // namespace preforkd

#endif
