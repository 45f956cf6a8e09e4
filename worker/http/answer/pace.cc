#include "worker/http/answer/pace.h"

#include <algorithm>

namespace preforkd::http {
namespace {

// Factor for min_rate when places are short: with the default, about the speed of a modem.
constexpr double kCrowdedFactor = 16;

// The time that `bytes` take at `rate`, at most `max`. Floating point, so that neither product nor quotient
// overflows.
Duration TimeFor(std::uint64_t bytes, double rate, Duration max) {
  const double nanoseconds = static_cast<double>(bytes) / rate * 1e9;
  return nanoseconds < static_cast<double>(max.count()) ? Duration(static_cast<Duration::rep>(nanoseconds))
                                                        : max;
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
  // Bytes that were read late waited for this worker: do not charge the client for our delay.
  due_ = std::min(std::max(due_, now) + TimeFor(bytes, rate, rules.allowance), full);
  slow_since_ += TimeFor(bytes, rate * kCrowdedFactor, Lag(now));
}

Time Pace::Deadline(const PaceRules& rules) const {
  return rules.total > Duration(0) ? std::min(due_, start_ + rules.total) : due_;
}

}  // namespace preforkd::http
