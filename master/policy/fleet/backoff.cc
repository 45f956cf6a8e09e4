#include "master/policy/fleet/backoff.h"

#include <algorithm>

namespace preforkd {

Duration RestartDelay(std::uint32_t failures, Duration minimum, Duration maximum, std::uint32_t random) {
  if (failures == 0) return Duration(0);
  Duration delay = minimum;
  // Doubling step by step stops at the maximum and cannot overflow, however many failures there were.
  for (std::uint32_t i = 1; i < failures && delay < maximum; ++i) delay *= 2;
  delay = std::min(delay, maximum);
  const double factor = 0.8 + 0.4 * (static_cast<double>(random) / 4294967295.0);
  const auto jittered = std::chrono::duration_cast<Duration>(delay * factor);
  return std::min(jittered, maximum);
}

RestartBudget::RestartBudget(std::uint32_t burst, double per_second, Time now)
    : burst_(burst), per_second_(per_second), tokens_(burst), updated_(now) {}

Time RestartBudget::Take(Time now) {
  if (now > updated_) {
    tokens_ = std::min(burst_, tokens_ + Seconds(now - updated_) * per_second_);
    updated_ = now;
  }
  tokens_ -= 1.0;
  if (tokens_ >= 0.0) return now;
  return now + std::chrono::duration_cast<Duration>(std::chrono::duration<double>(-tokens_ / per_second_));
}

}  // namespace preforkd
