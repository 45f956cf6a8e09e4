// CallbackSpeed: are the workers done with a callback so soon that a connection may as well wait behind a few
// others? Pure: fed with what the scoreboard shows and with times.
//
// Fast: a tenth of a millisecond each or less, on average over the last hundred or more. Slow: more than
// that, and then for ten seconds from the last time that it was so. It is wall time. A callback that the
// machine interrupts now and then stays far below on average, and one in a hundred that waits 50 ms for a
// database is far above; but on a machine where many processes wait for each CPU all may look slow. Nothing
// known yet: not brisk.
#ifndef PREFORKD_MASTER_POLICY_CALLBACK_SPEED_H_
#define PREFORKD_MASTER_POLICY_CALLBACK_SPEED_H_

#include <cstdint>

#include "common/base/clock.h"

namespace preforkd {

// Of all workers together.
struct CallbackSums {
  std::uint64_t callbacks = 0;
  std::uint64_t busy_ns = 0;  // spent in them
};

class CallbackSpeed {
 public:
  // Time for a look.
  [[nodiscard]] bool Due(Time now) const { return now >= next_look_; }
  // `more`: since the last look. Too few callbacks are kept until there are enough, or have taken so long
  // together that they are slow, however many.
  void Update(const CallbackSums& more, Time now);
  [[nodiscard]] bool Fast() const { return fast_; }

 private:
  bool fast_ = false;
  CallbackSums seen_;  // and not judged yet
  Time next_look_{};
  Time not_before_{};  // may it be brisk again
};

}  // namespace preforkd

#endif
