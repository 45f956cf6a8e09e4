#include "master/policy/read_quota.h"

#include <algorithm>

namespace preforkd {
namespace {

// A turn that comes sooner after the last one found its messages waiting.
constexpr Duration kAtOnce = std::chrono::milliseconds(1);

}  // namespace

int ReadQuota::Begin(Time now) {
  if (now - ended_ >= kAtOnce) {
    quota_ = 1;
  } else if (all_there_) {
    quota_ = std::min(2 * quota_, kMost);
  }
  return quota_;
}

void ReadQuota::End(int count, Time now) {
  all_there_ = count >= quota_;
  quota_ = std::clamp(count, 1, quota_);
  ended_ = now;
}

}  // namespace preforkd
