#include "master/policy/callback_speed.h"

namespace preforkd {
namespace {

// A look is a walk over all rows.
constexpr Duration kBetweenLooks = std::chrono::milliseconds(100);
constexpr Duration kMemory = std::chrono::seconds(10);
constexpr std::uint64_t kBriskNs = 100'000;
// Fewer say nothing: one of them may have been interrupted for some milliseconds.
constexpr std::uint64_t kEnough = 100;
// Unless they have taken so long that they would be slow if they were enough, ten times over.
constexpr std::uint64_t kLongNs = 10 * kEnough * kBriskNs;

}  // namespace

void CallbackSpeed::Update(const CallbackSums& more, Time now) {
  next_look_ = now + kBetweenLooks;
  seen_.callbacks += more.callbacks;
  seen_.busy_ns += more.busy_ns;
  if (seen_.callbacks < kEnough && seen_.busy_ns < kLongNs) return;
  if (seen_.busy_ns > seen_.callbacks * kBriskNs) {
    fast_ = false;
    not_before_ = now + kMemory;
  } else if (now >= not_before_) {
    fast_ = true;
  }
  seen_ = {};
}

}  // namespace preforkd
