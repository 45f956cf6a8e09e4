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

HangWatch::Verdict HangWatch::Judge(HangState& state, Time heartbeat, Duration hang_timeout, Time now) const {
  if (state.aborted_at) {
    if (state.killed || now - *state.aborted_at < kAbortGrace) return Verdict::kFine;
    state.killed = true;
    return Verdict::kKill;
  }
  if (now - SilentSince(std::max(heartbeat, fresh_since_)) < hang_timeout) return Verdict::kFine;
  state.aborted_at = now;
  return Verdict::kAbort;
}

}  // namespace preforkd
