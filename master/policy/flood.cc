#include "master/policy/flood.h"

#include <algorithm>

namespace preforkd {

bool FloodWatch::Allow(Time now) {
  const Duration passed = updated_ ? std::max(now - *updated_, Duration(0)) : Duration(0);
  updated_ = now;
  left_ = std::min(kBurst, left_ + kPerSecond * Seconds(passed));
  if (left_ < 1) return false;
  left_ -= 1;
  return true;
}

void FloodWatch::Reset() {
  left_ = kBurst;
  updated_.reset();
}

}  // namespace preforkd
