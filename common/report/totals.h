// Totals: what all workers have counted together, those who live and those who have died.
#ifndef PREFORKD_COMMON_REPORT_TOTALS_H_
#define PREFORKD_COMMON_REPORT_TOTALS_H_

#include <array>
#include <cstdint>

#include "common/scoreboard/scoreboard.h"

namespace preforkd {

inline double ToSeconds(std::uint64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1e9; }

struct Totals {
  Accounting account;
  std::uint64_t requests = 0;
  std::array<std::uint64_t, WaitHistogram::kClasses> waits{};  // each of its own class only
  std::uint64_t waits_ns = 0;
};

// From inside a Scoreboard::ReadAtOneMoment, or a worker that dies meanwhile would be counted twice, or not
// at all.
Totals ReadTotalsNow(const Scoreboard& scoreboard);

}  // namespace preforkd

#endif
