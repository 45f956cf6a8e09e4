#include "worker/process/heartbeat.h"

#include <algorithm>
#include <utility>

#include "common/process/limits.h"
#include "common/process/self_stat.h"
#include "worker/process/crowding.h"

namespace preforkd {

Heartbeat::Heartbeat(WorkerEnv& env, UniqueFd statm, ConnectionTable& connections,
                     std::function<void()> on_beat)
    : env_(env),
      statm_(std::move(statm)),
      connections_(connections),
      on_beat_(std::move(on_beat)),
      timer_(env.loop, EventLoop::kPriorityControl, [this] { Beat(); }) {}

void Heartbeat::Beat() {
  Stamp();
  const SelfStat stat = ReadSelfStat(statm_.Get());
  // What is preloaded is no worker's own: with it, max_memory would replace workers that do not grow. A page
  // that was written to is not among the shared ones any more.
  Set(env_.row.rss_bytes, stat.rss_bytes - std::min(stat.shared_bytes, env_.modules.shared_bytes));
  Set(env_.row.cpu_ns, stat.cpu_ns);
  const std::uint64_t places = PlacesOf(*env_.config, DescriptorLimit());
  env_.stays.Beat(ReadingOf(env_.row), places);
  heap_.Check(connections_.Size(), connections_.TakeMaxSize(), stat.rss_bytes, Now());
  timer_.SetAfter(kHeartbeatInterval);
  on_beat_();
}

void Heartbeat::Stamp() { Set(env_.row.heartbeat_ns, static_cast<std::uint64_t>(ToNanoseconds(Now()))); }

}  // namespace preforkd
