#include "master/dispatch/thread_watch.h"

#include <algorithm>

namespace preforkd {
namespace {

// More often it would cost more than the extra worker that it starts can save.
constexpr Duration kShortest = std::chrono::milliseconds(2);

bool Overfull(const Target& target) {
  const WorkerRow& row = target.channel->Row();
  return target.seen.threaded && row.InProgress() > Get(row.threads);
}

}  // namespace

// A slot counts as slow after a quarter of that time (slot_activity.h).
Duration ThreadWatch::Interval() const { return std::max(kShortest, slots_.ReclaimAfter() / 4); }

void ThreadWatch::Given(const Target& target, Time now) {
  // Without reclaim_after no slot is ever occupied.
  if (next_ || slots_.ReclaimAfter() == Duration(0) || !Overfull(target)) return;
  next_ = now + Interval();
}

bool ThreadWatch::Look(Time now) {
  if (!next_ || now < *next_) return false;
  next_.reset();
  if (slots_.ReclaimAfter() == Duration(0)) return false;  // since a reload
  bool waiting = false;
  for (const auto& target : slots_.Targets()) {
    if (!target || !Overfull(*target)) continue;
    waiting = waiting || target->RequestsWaiting() > 0;
    next_ = now + Interval();
  }
  return waiting;
}

}  // namespace preforkd
