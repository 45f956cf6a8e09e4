// ReadQuota: how many messages of one worker are read before the loop looks for other events. Pure.
//
// A read that finds nothing is a system call for nothing. So only as many are tried as are likely to be
// there: one, and twice as many each time that all of them were there and the next turn came at once. What is
// left is reported again by the loop (level-triggered), before it sleeps.
#ifndef PREFORKD_MASTER_POLICY_READ_QUOTA_H_
#define PREFORKD_MASTER_POLICY_READ_QUOTA_H_

#include "common/base/clock.h"

namespace preforkd {

class ReadQuota {
 public:
  // The maximum, so that others get their turn.
  static constexpr int kMost = 64;

  // A turn begins: how many to read.
  [[nodiscard]] int Begin(Time now);
  // It has read `count`, and more may be there if that is as many as Begin said.
  void End(int count, Time now);

 private:
  int quota_ = 1;
  bool all_there_ = false;  // in the last turn
  Time ended_{};            // the last turn
};

}  // namespace preforkd

#endif
