#include "master/policy/hang.h"

#include <algorithm>

namespace preforkd {

Duration HangWatch::Interval(Duration hang_timeout) {
  return std::clamp<Duration>(hang_timeout / 4, std::chrono::milliseconds(10), std::chrono::seconds(1));
}

bool HangWatch::BeginRound(Duration hang_timeout, Time now) {
  const bool was_away = last_round_ && now - *last_round_ > Interval(hang_timeout) + hang_timeout / 2;
  if (was_away || !last_round_) fresh_since_ = now;
  last_round_ = now;
  return was_away;
}

HangWatch::Verdict HangWatch::Judge(const WorkerId& id, Time heartbeat, Duration hang_timeout, Time now) {
  if (const auto abort = aborted_.find(id); abort != aborted_.end()) {
    if (abort->second.killed || now - abort->second.at < kAbortGrace) return Verdict::kFine;
    abort->second.killed = true;
    return Verdict::kKill;
  }
  if (now - SilentSince(std::max(heartbeat, fresh_since_)) < hang_timeout) return Verdict::kFine;
  aborted_[id] = Abort{now};
  return Verdict::kAbort;
}

}  // namespace preforkd
