// GatherWatch: decides whether a pool's callbacks are so fast that it pays to gather connections on few
// workers (dispatch.gather): then waking a worker costs more than waiting behind a few connections.
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
  // `cpus`: the number on which workers can run at once; 0: unknown, nothing is gathered.
  void Configure(const DispatchConfig& config, std::uint32_t cpus);
  // Measures all slots, at most ten times a second and only where gathering can help, and applies the result
  // to `slots`. True while connections are gathered.
  bool Learn(SlotBook& slots, Time now);

 private:
  // The callbacks of all workers since the last call.
  CallbackSums CountCallbacks(const SlotBook& slots, Time now);

  Gathering gathering_;  // used while callbacks are fast
  CallbackSpeed callback_speed_;
  Time counted_at_{};
};

}  // namespace preforkd

#endif
