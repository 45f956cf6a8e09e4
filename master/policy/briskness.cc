#include "master/policy/briskness.h"

namespace preforkd {
namespace {

constexpr Duration kBetweenLooks = std::chrono::seconds(1);
constexpr Duration kMemory = std::chrono::seconds(10);
constexpr std::uint64_t kBriskNs = 100'000;
// Fewer say nothing: one of them may have been interrupted for some milliseconds.
constexpr std::uint64_t kEnough = 100;

}  // namespace

void Briskness::Look(const CallbackSums& sums, Time now) {
  next_look_ = now + kBetweenLooks;
  if (sums.callbacks < last_.callbacks || sums.busy_ns < last_.busy_ns) {
    last_ = sums;
    return;
  }
  const std::uint64_t callbacks = sums.callbacks - last_.callbacks;
  if (callbacks < kEnough) return;  // the average goes on
  if ((sums.busy_ns - last_.busy_ns) / callbacks > kBriskNs) not_before_ = now + kMemory;
  last_ = sums;
}

}  // namespace preforkd
