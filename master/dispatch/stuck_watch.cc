#include "master/dispatch/stuck_watch.h"

#include <algorithm>
#include <span>
#include <utility>

#include "common/base/log.h"

namespace preforkd {

void StuckWatch::Forget(Slot slot) {
  std::erase(suspects_, slot);
  std::erase_if(looks_, [slot](const Appointment& look) { return look.slot == slot; });
  std::make_heap(looks_.begin(), looks_.end());
}

void StuckWatch::Given(Target& target, Time now) {
  if (target.watch == Watch::kNone) (void)WatchFor(target, now);
}

void StuckWatch::Check(Ring<PackedParcel>& waiting, Time now) {
  while (!looks_.empty() && looks_.front().at <= now) {
    std::pop_heap(looks_.begin(), looks_.end());
    const Slot slot = looks_.back().slot;
    looks_.pop_back();
    slots_.Find(slot)->watch = Watch::kSuspect;
    suspects_.push_back(slot);
  }
  if (suspects_.empty()) return;
  reclaimed_.clear();
  std::erase_if(suspects_, [&](Slot slot) { return !CheckSlot(*slots_.Find(slot), now); });
  for (auto parcel = reclaimed_.rbegin(); parcel != reclaimed_.rend(); ++parcel)
    waiting.PushFront(std::move(*parcel));
  reclaimed_.clear();
}

std::optional<Time> StuckWatch::Next(Time soon) const {
  if (!suspects_.empty()) return soon;
  if (looks_.empty()) return std::nullopt;
  return std::max(looks_.front().at, soon);
}

bool StuckWatch::CheckSlot(Target& target, Time now) {
  const Duration timeout = slots_.ReclaimAfter();
  const ActivityReading reading = target.Reading();
  // Stuck() also forgets the parcels that were taken meanwhile.
  const bool stuck = target.slot_activity.Stuck(reading, timeout, now);
  if (WatchFor(target, now)) return false;
  if (!stuck && !(slots_.PreferIdle() && target.slot_activity.KeepsSomebodyWaiting(reading, timeout, now)))
    return true;
  ReclaimFrom(target, stuck, reading.callback_since_ns);
  (void)target.slot_activity.Stuck(target.Reading(), timeout, now);
  return !WatchFor(target, now);
}

bool StuckWatch::WatchFor(Target& target, Time now) {
  const std::optional<Time> look = target.slot_activity.NextCheck(target.Reading(), slots_.ReclaimAfter());
  if (look && *look <= now && target.watch == Watch::kSuspect) return false;
  target.watch = look ? Watch::kTimed : Watch::kNone;
  if (!look) return true;
  looks_.push_back({*look, target.slot});
  std::push_heap(looks_.begin(), looks_.end());
  return true;
}

void StuckWatch::ReclaimFrom(Target& target, bool stuck, std::uint64_t callback_since_ns) {
  const std::size_t count = target.channel->Reclaim(reclaimed_);
  if (count == 0) return;
  for (const PackedParcel& parcel : std::span(reclaimed_).last(count)) {
    log::Debug({log::kConnReclaimed, parcel.Id(), {{"from_slot", target.slot}}},
               "reclaimed from slot {}, which is {}", Raw(target.slot), stuck ? "stuck" : "slow");
  }
  // Its queue is empty now. If the worker merely did not get CPU time, only a nudge can show that it runs
  // again.
  if (callback_since_ns == 0) target.channel->Nudge();
  page_.load_marks.Mark(target.slot);
}

}  // namespace preforkd
