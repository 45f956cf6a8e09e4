#include "worker/http/answer/pace.h"

#include <algorithm>

namespace preforkd::http {
namespace {

// Of min_rate, where places are short: by default what a modem does.
constexpr double kCrowdedFactor = 16;

// The time that `bytes` take at `rate`, at most `most`. In floating point: neither product nor quotient can
// overflow.
Duration TimeFor(std::uint64_t bytes, double rate, Duration most) {
  const double nanoseconds = static_cast<double>(bytes) / rate * 1e9;
  return nanoseconds < static_cast<double>(most.count()) ? Duration(static_cast<Duration::rep>(nanoseconds))
                                                         : most;
}

}  // namespace

void Pace::Progress(const PaceRules& rules, std::uint64_t bytes, Time now) {
  if (bytes == 0) return;
  const Time full = now + rules.allowance;
  if (rules.min_rate == 0) {
    due_ = full;
    slow_since_ = now;
    return;
  }
  const auto rate = static_cast<double>(rules.min_rate);
  // Bytes that are read late have waited for us: the client pays for no stall of ours.
  due_ = std::min(std::max(due_, now) + TimeFor(bytes, rate, rules.allowance), full);
  slow_since_ += TimeFor(bytes, rate * kCrowdedFactor, Lag(now));
}

Time Pace::Deadline(const PaceRules& rules) const {
  return rules.total > Duration(0) ? std::min(due_, start_ + rules.total) : due_;
}

}  // namespace preforkd::http
