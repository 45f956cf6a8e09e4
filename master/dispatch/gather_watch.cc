#include "master/dispatch/gather_watch.h"

#include <algorithm>
#include <utility>

namespace preforkd {

void GatherWatch::Configure(const DispatchConfig& config, std::uint32_t cpus) {
  // Without reclaim, nothing would move a connection that waits behind a blocked callback.
  const bool possible = config.reclaim_after != Duration(0) && cpus != 0;
  gathering_ = Gathering{cpus, possible ? config.gather : 0};
}

bool GatherWatch::Learn(SlotBook& slots, Time now) {
  // If all slots can run at once, gathering saves nothing. With application threads the callbacks say nothing
  // about how long a connection would wait behind another one.
  const bool worth_it =
      gathering_.depth > 0 && slots.ByLoad() && slots.Ready() > gathering_.slots && !slots.Threaded();
  if (worth_it && callback_speed_.Due(now)) callback_speed_.Update(CountCallbacks(slots, now), now);
  const bool gathers = worth_it && callback_speed_.Fast();
  slots.Gather(gathers ? gathering_ : Gathering{});
  return gathers;
}

CallbackSums GatherWatch::CountCallbacks(const SlotBook& slots, Time now) {
  CallbackSums more;
  // A faulty worker may write any value: count at most the elapsed time.
  const auto max_ns = static_cast<std::uint64_t>((now - std::exchange(counted_at_, now)).count());
  for (const auto& target : slots.Targets()) {
    if (!target) continue;
    const CallbackSums before = std::exchange(target->counted, target->Callbacks());
    const CallbackSums& after = target->counted;
    if (after.callbacks < before.callbacks || after.busy_ns < before.busy_ns) continue;  // a new incarnation
    more.callbacks += after.callbacks - before.callbacks;
    more.busy_ns += std::min(after.busy_ns - before.busy_ns, max_ns);
  }
  return more;
}

}  // namespace preforkd
