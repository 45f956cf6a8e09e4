// CallbackSpeed: tells whether callbacks are so short that a connection may wait behind a few others. Pure:
// fed with the sums of the scoreboard and with times.
//
// Fast: at most 0.1 ms per callback, averaged over the last hundred or more. Slow: more than that, and for
// ten seconds after the last slow average. Times are wall time. Callbacks that are interrupted now and then
// stay far below the limit on average; one in a hundred that waits 50 ms for a database is far above it. On a
// machine with many runnable processes per CPU all callbacks may look slow. Before the first judgement:
// slow.
#ifndef PREFORKD_MASTER_POLICY_CALLBACK_SPEED_H_
#define PREFORKD_MASTER_POLICY_CALLBACK_SPEED_H_

#include <cstdint>

#include "common/base/clock.h"

namespace preforkd {

// Sums over all workers.
struct CallbackSums {
  std::uint64_t callbacks = 0;
  std::uint64_t busy_ns = 0;  // time spent in those callbacks
};

class CallbackSpeed {
 public:
  // True when the next Update is due.
  [[nodiscard]] bool Due(Time now) const { return now >= next_look_; }
  // `more`: the sums since the last Update. Too few callbacks are kept for the next one, unless they took so
  // long together that they are slow anyway.
  void Update(const CallbackSums& more, Time now);
  [[nodiscard]] bool Fast() const { return fast_; }

 private:
  bool fast_ = false;
  CallbackSums seen_;  // not judged yet
  Time next_look_{};
  Time not_before_{};  // earliest time at which fast_ may become true again
};

}  // namespace preforkd

#endif
