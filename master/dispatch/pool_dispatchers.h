// PoolDispatchers: one Dispatcher a pool, and which of them a connection goes to: the one whose workers have
// its service. What waits for one pool never waits for another.
//
// The way out goes through the loop: whoever is told that a pool has become full, or needs more workers, is
// called in a turn of its own and may use everything here.
#ifndef PREFORKD_MASTER_DISPATCH_POOL_DISPATCHERS_H_
#define PREFORKD_MASTER_DISPATCH_POOL_DISPATCHERS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "common/base/ids.h"
#include "common/event/event_loop.h"
#include "common/event/idle_call.h"
#include "common/scoreboard/ledger.h"
#include "common/scoreboard/scoreboard.h"
#include "common/wire/packed_parcel.h"
#include "master/dispatch/dispatcher.h"

namespace preforkd {

class PoolDispatchers {
 public:
  struct Hooks {
    // Connections have begun to wait somewhere, or none waits any more there.
    std::function<void()> on_congestion;
    // Connections wait for this pool, and each of its ready slots is held up.
    std::function<void(PoolId)> on_all_slow;
  };

  // All outlive this.
  PoolDispatchers(EventLoop& loop, const Scoreboard& scoreboard, Ledger& ledger, Hooks hooks);

  // Who serves what from now on. A service that `routes` lacks is one of an earlier generation: what is left
  // of it goes to the pool that it had, as long as that has workers. `cpus`: Dispatcher::Configure.
  void Configure(const DispatchConfig& config, const std::vector<std::pair<ServiceId, PoolId>>& routes,
                 std::uint32_t cpus);
  // Dispatcher::StopDispatching, for all.
  void StopDispatching();

  // A ready slot of that pool. `channel` is borrowed until RemoveSlot.
  void AddSlot(PoolId pool, Slot slot, SlotChannel& channel);
  // No effect when the slot is not there.
  void RemoveSlot(Slot slot);

  // Dispatcher::SubmitAccepted and Submit, by the connection's service.
  void SubmitAccepted(PackedParcel&& parcel);
  void Submit(PackedParcel&& parcel);
  // Gives out what waits for a pool that has something new to give, or to give to.
  void Flush();

  // Each connection that waits, oldest first within a pool.
  void ForEachWaiting(const std::function<void(const PackedParcel&)>& visit) const;
  // Whether connections wait for the pool that has the service.
  [[nodiscard]] bool Congested(ServiceId service) const;
  // For any pool.
  [[nodiscard]] bool Congested() const;
  // The same of all pools together.
  [[nodiscard]] std::size_t Waiting() const;
  [[nodiscard]] std::uint32_t ReadySlots() const;
  [[nodiscard]] Pressure CurrentPressure(PoolId pool) const;

 private:
  struct Pool {
    std::unique_ptr<Dispatcher> dispatcher;
    bool current = false;  // of the generation in service
    bool touched = false;  // since its last Flush
  };

  Pool& PoolOf(ServiceId service);
  Pool& Find(PoolId pool);
  // What waits where its service is not served any more.
  void Reroute();
  void FlushOne(Pool& pool);
  void Tell();

  EventLoop& loop_;
  const Scoreboard& scoreboard_;
  Ledger& ledger_;
  Hooks hooks_;
  DispatchConfig config_;
  std::uint32_t cpus_ = 0;
  std::map<ServiceId, PoolId> routes_;  // of all services that there were
  std::map<PoolId, Pool> pools_;        // grows; a pool that has gone keeps a dispatcher without slots
  std::vector<Pool*> pool_of_slot_;     // index = slot; nullptr: it is not ready
  bool stopping_ = false;
  bool congestion_changed_ = false;
  std::set<PoolId> slow_;
  IdleCall tell_;
};

}  // namespace preforkd

#endif
