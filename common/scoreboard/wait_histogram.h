// WaitHistogram: waiting times counted in fixed classes, so that the histograms of several processes can be
// added. One writer. One observation costs a search among 17 bounds and two plain stores.
#ifndef PREFORKD_COMMON_SCOREBOARD_WAIT_HISTOGRAM_H_
#define PREFORKD_COMMON_SCOREBOARD_WAIT_HISTOGRAM_H_

#include <algorithm>
#include <array>

#include "common/base/clock.h"
#include "common/scoreboard/counters.h"

namespace preforkd {

struct WaitHistogram {
  // Upper bounds in nanoseconds, inclusive: 50 us to 10 s, about three to a decade. Waits are some 100 us
  // when a worker is free and some ms when all are busy; they reach reclaim_after or seconds when something
  // is wrong.
  static constexpr std::array<std::uint64_t, 17> kBounds = {
      50'000,      100'000,       250'000,       500'000,       1'000'000,     2'500'000,
      5'000'000,   10'000'000,    25'000'000,    50'000'000,    100'000'000,   250'000'000,
      500'000'000, 1'000'000'000, 2'500'000'000, 5'000'000'000, 10'000'000'000};
  static constexpr std::size_t kClasses = kBounds.size() + 1;  // the last has no upper bound

  std::array<Counter, kClasses> counts{};  // per class, not cumulative
  Counter sum_ns{0};

  void Observe(Duration wait) {
    const auto ns = static_cast<std::uint64_t>(std::max<Duration::rep>(0, wait.count()));
    const auto* const bound = std::lower_bound(kBounds.begin(), kBounds.end(), ns);
    preforkd::Add(counts[static_cast<std::size_t>(bound - kBounds.begin())]);
    preforkd::Add(sum_ns, ns);
  }

  void AddUp(const WaitHistogram& other) {
    for (std::size_t i = 0; i < kClasses; ++i) Add(counts[i], Get(other.counts[i]));
    Add(sum_ns, Get(other.sum_ns));
  }

  void Clear() {
    for (Counter& count : counts) Set(count, 0);
    Set(sum_ns, 0);
  }
};

}  // namespace preforkd

#endif
