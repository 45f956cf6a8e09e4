// FloodWatch: detects a worker that sends more messages than a correct one can. Pure: a token bucket.
//
// Covers the messages that carry no connection (ready, replace-me); a worker sends a handful of them in its
// lifetime. Messages that carry a connection are bounded by the ledger: a worker cannot hand back more than
// it was given.
//
// Nor does it cover a free thread (ThreadFree): a correct worker may say so thousands of times a second. A
// flood of it costs as much as connections handed back and forth: 64 reads and one flush in each turn of the
// loop.
#ifndef PREFORKD_MASTER_POLICY_FLOOD_H_
#define PREFORKD_MASTER_POLICY_FLOOD_H_

#include <optional>

#include "common/base/clock.h"

namespace preforkd {

class FloodWatch {
 public:
  // Bucket size, and refill per second. An operator who sends SIGTERM in a loop stays below it.
  static constexpr double kBurst = 64;
  static constexpr double kPerSecond = 8;

  // Call for each message. False: the worker exceeds its budget.
  bool Allow(Time now);
  // Refills the bucket for a new incarnation.
  void Reset();

 private:
  double left_ = kBurst;
  std::optional<Time> updated_;
};

}  // namespace preforkd

#endif
