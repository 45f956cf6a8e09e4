#include "master/policy/slot_activity.h"

#include <algorithm>

namespace preforkd {
namespace {

bool Moved(const ActivityReading& then, const ActivityReading& now) {
  return then.taken != now.taken || then.callback_since_ns != now.callback_since_ns ||
         then.heartbeat_ns != now.heartbeat_ns;
}

// `since_ns`: 0 if it does not last. `timeout` 0: nothing is ever too long.
bool LastsFor(std::uint64_t since_ns, Duration timeout, Time now) {
  return timeout != Duration(0) && since_ns != 0 &&
         now - FromNanoseconds(static_cast<std::int64_t>(since_ns)) >= timeout;
}

}  // namespace

void SlotActivity::Sent(Time now, bool stays) { queue_.PushBack(Queued{now, stays}); }

void SlotActivity::Reset() {
  queue_.Clear();
  stuck_at_.reset();
}

// Parcels leave the channel in the order in which they were sent, whether taken or reclaimed.
void SlotActivity::Forget(std::size_t still_queued) {
  while (queue_.Size() > still_queued) queue_.PopFront();
}

std::optional<Time> SlotActivity::OldestMovable() const {
  for (std::size_t i = 0; i < queue_.Size(); ++i) {
    if (!queue_[i].stays) return queue_[i].sent;
  }
  return std::nullopt;
}

bool SlotActivity::Stuck(const ActivityReading& reading, Duration timeout, Time now) {
  Forget(reading.queued);
  if (timeout == Duration(0)) return false;
  if (stuck_at_ && Moved(*stuck_at_, reading)) stuck_at_.reset();
  if (stuck_at_) return true;
  const std::optional<Time> oldest = OldestMovable();
  const bool queue_left = oldest && now - *oldest >= timeout;
  if (queue_left || Blocked(reading, timeout, now)) stuck_at_ = reading;
  return stuck_at_.has_value();
}

bool SlotActivity::Blocked(const ActivityReading& reading, Duration timeout, Time now) {
  return LastsFor(reading.callback_since_ns, timeout, now);
}

bool SlotActivity::Occupied(const ActivityReading& reading, Duration timeout, Time now) {
  return Blocked(reading, timeout, now) || LastsFor(reading.threads_busy_since_ns, timeout, now);
}

std::optional<Time> SlotActivity::NextCheck(const ActivityReading& reading, Duration timeout) const {
  const std::optional<Time> oldest = OldestMovable();
  if (!oldest || timeout == Duration(0)) return std::nullopt;
  Time start = *oldest;
  // The worker may have been in its callback for longer than the parcel has waited.
  if (reading.callback_since_ns != 0) {
    start = std::min(start, FromNanoseconds(static_cast<std::int64_t>(reading.callback_since_ns)));
  }
  return start + timeout / kEarly;
}

}  // namespace preforkd
