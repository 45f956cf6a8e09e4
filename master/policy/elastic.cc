#include "master/policy/elastic.h"

#include <algorithm>

namespace preforkd {

bool Elastic::WantsOneMore(const ElasticReading& reading, Time now) {
  const bool all_blocked = reading.ready > 0 && reading.blocked == reading.ready;
  if (!all_blocked || reading.waiting == 0) return false;
  last_needed_ = now;
  if (reading.starting > 0 || now < not_before_) return false;  // help is on its way, or has just failed
  if (reading.ready < reading.desired) return false;  // workers are missing: supervision brings them back
  return reading.ready < reading.most;
}

bool Elastic::CanSpareOne(const ElasticReading& reading, Time now) {
  // As many stuck as the fleet proper has: without the extras, clients would wait.
  if (reading.blocked >= std::max(reading.desired, 1U)) last_needed_ = now;
  return reading.extras > 0 && now - last_needed_ >= kKeepFor;
}

}  // namespace preforkd
