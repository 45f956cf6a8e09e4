// Briskness: are the workers done with a client so soon that another one may as well wait behind it? Pure: fed with what
// the scoreboard shows and with times.
//
// Yes, until their callbacks have taken more than a tenth of a millisecond each, on average over at least a second: then
// no, for ten seconds from the last time that they have. An average tells waiting from working: a callback that the
// machine interrupts now and then stays far below, and one in a hundred that waits 50 ms for a database is far above.
#ifndef PREFORKD_MASTER_POLICY_BRISKNESS_H_
#define PREFORKD_MASTER_POLICY_BRISKNESS_H_

#include <cstdint>

#include "common/base/clock.h"

namespace preforkd {

// Sums over all workers.
struct CallbackSums {
  std::uint64_t callbacks = 0;
  std::uint64_t busy_ns = 0;  // spent in them
};

class Briskness {
 public:
  // Time for a look: a second after the last one.
  [[nodiscard]] bool Due(Time now) const { return now >= next_look_; }
  // Sums that are less than the last time (a row began anew) begin a new average, and say nothing.
  void Look(const CallbackSums& sums, Time now);
  [[nodiscard]] bool Brisk(Time now) const { return now >= not_before_; }

 private:
  CallbackSums last_;
  Time next_look_{};
  Time not_before_{};
};

}  // namespace preforkd

#endif
