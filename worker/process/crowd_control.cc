#include "worker/process/crowd_control.h"

#include <algorithm>
#include <vector>

#include "common/base/log.h"
#include "common/process/limits.h"

namespace preforkd {
namespace {

struct Slow {
  Duration lag;
  LiveConnection* connection;
};

// Those that lag as much as `least` or more, the slowest first.
std::vector<Slow> SlowOf(ConnectionTable& connections, Duration least) {
  std::vector<Slow> slow;
  const Time now = Now();
  connections.ForEach([&](LiveConnection& connection) {
    const Duration lag = connection.Lag(now);
    if (lag >= least) slow.push_back({lag, &connection});
  });
  std::sort(slow.begin(), slow.end(), [](const Slow& a, const Slow& b) { return a.lag > b.lag; });
  return slow;
}

}  // namespace

CrowdControl::CrowdControl(WorkerEnv& env, ConnectionTable& connections, ConnectionReturns& returns)
    : env_(env),
      connections_(connections),
      returns_(returns),
      make_room_(env.loop, EventLoop::kPriorityControl, [this] { MakeRoom(); }) {}

Crowd CrowdControl::Current(std::uint64_t descriptor_limit) const {
  Crowd crowd;
  crowd.connections = connections_.Size();
  crowd.most = std::min<std::uint64_t>(env_.config->dispatch.max_connections, PlacesFor(descriptor_limit));
  const PoolRow* const pool = env_.scoreboard.PoolOf(env_.row);
  crowd.others_wait = (pool != nullptr && Get(pool->queue_length) > 0) || env_.row.Queued() > 0;
  return crowd;
}

void CrowdControl::Watch(std::uint64_t descriptor_limit) {
  if (env_.retiring || make_room_.Pending()) return;
  const Crowd crowd = Current(descriptor_limit);
  // With every place taken others may come to wait at any time.
  if (crowd.connections < crowd.most && !TimeoutOf(crowd)) return;
  make_room_.SetAfter(NextCheckAfter(crowd.connections));
}

void CrowdControl::MakeRoom() {
  if (env_.retiring) return;
  const std::uint64_t limit = DescriptorLimit();
  const std::optional<Duration> timeout = TimeoutOf(Current(limit));
  std::size_t closed = 0;
  for (const Slow& slow : timeout ? SlowOf(connections_, *timeout) : std::vector<Slow>{}) {
    // Each that has gone makes the worker more patient.
    const std::optional<Duration> now_timeout = TimeoutOf(Current(limit));
    if (!now_timeout || slow.lag < *now_timeout) break;
    // One that is between two requests goes to the master, if that may keep it.
    if (env_.config->parking.max > 0 && returns_.Return(*slow.connection, ReturnReason::kOverShare)) continue;
    const std::size_t before = connections_.Size();
    slow.connection->GiveWay();
    closed += before - connections_.Size();
  }
  if (const auto held_back = closed > 0 ? log_limit_.Allow(Now()) : std::nullopt) {
    log::Warning({log::kConnEvicted, {{"closed", closed}, {"suppressed", *held_back}}},
                 "{} connections are left of at most {}: {} slow clients were closed to make room",
                 connections_.Size(), Current(limit).most, closed);
  }
  Watch(limit);
}

}  // namespace preforkd
