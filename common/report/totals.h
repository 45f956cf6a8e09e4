// Totals: the counts of all workers together, of running and of ended ones.
#ifndef PREFORKD_COMMON_REPORT_TOTALS_H_
#define PREFORKD_COMMON_REPORT_TOTALS_H_

#include <array>
#include <cstdint>
#include <vector>

#include "common/scoreboard/scoreboard.h"

namespace preforkd {

inline double ToSeconds(std::uint64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1e9; }

struct Totals {
  Accounting account;
  std::uint64_t requests = 0;
  std::array<std::uint64_t, WaitHistogram::kClasses> waits{};  // per class, not cumulative
  std::uint64_t waits_ns = 0;
  std::array<std::uint64_t, kHandshakeEnds> handshakes{};  // by HandshakeEnd
  std::uint64_t handshakes_done = 0;
  std::uint64_t handshakes_failed = 0;
  std::uint64_t resumptions = 0;  // of those that are done
};

// Call it inside Scoreboard::ReadAtOneMoment: otherwise a worker that ends meanwhile would be counted twice
// or not at all.
Totals ReadTotalsNow(const Scoreboard& scoreboard);

// The counters that modules declare, by ModuleCounterRow. In the same way.
std::vector<std::uint64_t> ReadModuleCountsNow(const Scoreboard& scoreboard);

}  // namespace preforkd

#endif
