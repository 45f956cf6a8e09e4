// GatherWatch: whether the workers of a pool are so brisk that it is better to gather connections on few of
// them (dispatch.gather): to wake a worker then costs more than to wait behind a few others.
#ifndef PREFORKD_MASTER_DISPATCH_GATHER_WATCH_H_
#define PREFORKD_MASTER_DISPATCH_GATHER_WATCH_H_

#include <cstdint>

#include "common/base/clock.h"
#include "common/config/config.h"
#include "master/dispatch/slot_book.h"
#include "master/policy/balance.h"
#include "master/policy/callback_speed.h"

namespace preforkd {

class GatherWatch {
 public:
  // `cpus`: on which workers can run at once; 0: not known, nothing is gathered.
  void Configure(const DispatchConfig& config, std::uint32_t cpus);
  // Looks at all slots, ten times a second at most, where there is something to gain; puts what follows into
  // effect. True while connections are gathered.
  bool Learn(SlotBook& slots, Time now);

 private:
  // Callbacks of all workers since the last time.
  CallbackSums CountCallbacks(const SlotBook& slots, Time now);

  Gathering gathering_;  // while the workers are brisk
  CallbackSpeed callback_speed_;
  Time counted_at_{};
};

}  // namespace preforkd

#endif
