#include "master/policy/elastic.h"

#include <algorithm>

namespace preforkd {

bool Elastic::WantsOneMore(const ElasticReading& reading, Time now) {
  const bool all_blocked = reading.ready > 0 && reading.blocked == reading.ready;
  if (!all_blocked || reading.waiting == 0) return false;
  last_needed_ = now;
  if (reading.starting > 0 || now < not_before_) return false;  // one is starting, or has just failed
  if (reading.ready < reading.desired) return false;  // workers are missing: the fleet restarts them
  return reading.ready < reading.max;
}

bool Elastic::CanSpareOne(const ElasticReading& reading, Time now) {
  // Without the extras all desired workers would be blocked and clients would wait.
  if (reading.blocked >= std::max(reading.desired, 1U)) last_needed_ = now;
  return reading.extras > 0 && now - last_needed_ >= kKeepFor;
}

}  // namespace preforkd
