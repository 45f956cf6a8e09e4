#include "master/policy/callback_speed.h"

namespace preforkd {
namespace {

// An update walks over all rows, so it is rate-limited.
constexpr Duration kBetweenLooks = std::chrono::milliseconds(100);
constexpr Duration kMemory = std::chrono::seconds(10);
constexpr std::uint64_t kFastNs = 100'000;
// Fewer callbacks are not judged: a single one may have been interrupted for some milliseconds.
constexpr std::uint64_t kEnough = 100;
// Fewer callbacks are judged all the same once they took ten times as long as kEnough fast ones may take.
constexpr std::uint64_t kLongNs = 10 * kEnough * kFastNs;

}  // namespace

void CallbackSpeed::Update(const CallbackSums& more, Time now) {
  next_look_ = now + kBetweenLooks;
  seen_.callbacks += more.callbacks;
  seen_.busy_ns += more.busy_ns;
  if (seen_.callbacks < kEnough && seen_.busy_ns < kLongNs) return;
  if (seen_.busy_ns > seen_.callbacks * kFastNs) {
    fast_ = false;
    not_before_ = now + kMemory;
  } else if (now >= not_before_) {
    fast_ = true;
  }
  seen_ = {};
}

}  // namespace preforkd
