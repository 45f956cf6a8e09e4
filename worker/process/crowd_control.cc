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

// Connections with a lag of at least `min_lag`, slowest first.
std::vector<Slow> SlowOf(ConnectionTable& connections, Duration min_lag) {
  std::vector<Slow> slow;
  const Time now = Now();
  connections.ForEach([&](LiveConnection& connection) {
    const Duration lag = connection.Lag(now);
    if (lag >= min_lag) slow.push_back({lag, &connection});
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
  crowd.max = PlacesOf(*env_.config, descriptor_limit);
  const PoolRow* const pool = env_.scoreboard.PoolOf(env_.row);
  // What waits for a thread needs no place here.
  const bool waits = pool != nullptr && Get(pool->queue_length) > Get(pool->thread_queue);
  crowd.others_wait = waits || env_.row.Queued() > 0;
  return crowd;
}

void CrowdControl::Watch(std::uint64_t descriptor_limit) {
  if (env_.retiring || make_room_.Pending()) return;
  const Crowd crowd = Current(descriptor_limit);
  // With every place taken, other connections may start to wait at any time.
  if (crowd.connections < crowd.max && !TimeoutOf(crowd)) return;
  make_room_.SetAfter(NextCheckAfter(crowd.connections));
}

void CrowdControl::MakeRoom() {
  if (env_.retiring) return;
  const std::uint64_t limit = DescriptorLimit();
  const std::optional<Duration> timeout = TimeoutOf(Current(limit));
  std::size_t closed = 0;
  for (const Slow& slow : timeout ? SlowOf(connections_, *timeout) : std::vector<Slow>{}) {
    // Each removed connection lengthens the timeout.
    const std::optional<Duration> now_timeout = TimeoutOf(Current(limit));
    if (!now_timeout || slow.lag < *now_timeout) break;
    // A connection between two requests goes back to the master, if the master parks connections.
    if (env_.config->parking.max > 0 && returns_.Return(*slow.connection, ReturnReason::kOverShare)) continue;
    const std::size_t before = connections_.Size();
    slow.connection->GiveWay();
    closed += before - connections_.Size();
  }
  if (const auto held_back = closed > 0 ? log_limit_.Allow(Now()) : std::nullopt) {
    log::Warning({log::kConnEvicted, {{"closed", closed}, {"suppressed", *held_back}}},
                 "closed {} slow clients to make room; {} of at most {} connections are left", closed,
                 connections_.Size(), Current(limit).max);
  }
  Watch(limit);
}

}  // namespace preforkd
