#include "worker/module/http/local_wait.h"

#include <algorithm>

namespace preforkd::module {

// The mean needs no start of each handler: the time that threads were busy, by the handlers that ended.
void LocalWait::Ran(std::size_t running, Time now) {
  spent_ += (now - since_) * static_cast<std::int64_t>(running_);
  since_ = now;
  if (running < running_) ended_ += running_ - running;
  running_ = running;
  if (ended_ == 0) return;
  mean_ns_.store(spent_.count() / static_cast<std::int64_t>(ended_), std::memory_order_relaxed);
  if (ended_ < kRuns) return;
  spent_ /= 2;
  ended_ /= 2;
}

std::optional<Duration> LocalWait::Limit(Duration reclaim_after) const {
  if (mean_ns_.load(std::memory_order_relaxed) >= Duration(kLongRun).count()) return kMoment;
  if (reclaim_after == Duration(0)) return std::nullopt;
  return std::max<Duration>(reclaim_after, kMoment);
}

}  // namespace preforkd::module
