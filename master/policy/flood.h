// FloodWatch: does a worker say more than a sane one can? Pure: a bucket that each message empties and time
// fills.
//
// For the messages that carry no connection (ready, replace-me), of which a worker sends a handful in its
// life. Those that carry one are bounded by the ledger: nobody can hand back more than it was given.
#ifndef PREFORKD_MASTER_POLICY_FLOOD_H_
#define PREFORKD_MASTER_POLICY_FLOOD_H_

#include <optional>

#include "common/base/clock.h"

namespace preforkd {

class FloodWatch {
 public:
  // At once; and in the long run, a second. An operator who sends SIGTERM in a loop stays below.
  static constexpr double kBurst = 64;
  static constexpr double kPerSecond = 8;

  // A message has come. False: it is one too many.
  bool Allow(Time now);
  // A new incarnation, which has said nothing yet.
  void Reset();

 private:
  double left_ = kBurst;
  std::optional<Time> updated_;
};

}  // namespace preforkd

#endif
