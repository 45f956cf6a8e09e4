// PoolDispatchers: one Dispatcher per pool. A connection goes to the pool whose workers serve its service;
// one that needs a TLS handshake goes to the gates first. Connections that wait for one pool never delay
// those of another.
//
// Hooks are called from a separate turn of the event loop, so they may call any function of this class.
#ifndef PREFORKD_MASTER_DISPATCH_POOL_DISPATCHERS_H_
#define PREFORKD_MASTER_DISPATCH_POOL_DISPATCHERS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
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
#include "master/dispatch/routes.h"

namespace preforkd {

class PoolDispatchers {
 public:
  struct Hooks {
    // Connections have begun to wait for a pool, or none waits for it any more.
    std::function<void()> on_congestion;
    // Connections wait for this pool and each of its ready slots is slow.
    std::function<void(PoolId)> on_all_slow;
  };

  // The arguments must outlive this object.
  PoolDispatchers(EventLoop& loop, const Scoreboard& scoreboard, Ledger& ledger, Hooks hooks);

  // Sets which pool serves each service from now on. A service missing in `routes` belongs to an earlier
  // generation: its remaining connections go to its former pool while that has workers. Before the next
  // Flush, replace the slots: a worker from before knows nothing of a service that moves to its pool. `cpus`:
  // see Dispatcher::Configure.
  void Configure(const DispatchConfig& config, const Routes& routes, std::uint32_t cpus);
  // Closes all waiting connections of all pools and counts them as lost for `reason`.
  void GiveUpWaiting(LossReason reason);

  // Adds a ready slot of `pool`. `channel` is borrowed until RemoveSlot.
  void AddSlot(PoolId pool, Slot slot, SlotChannel& channel);
  // No effect if the slot is not there.
  void RemoveSlot(Slot slot);

  // Dispatcher::SubmitAccepted, Submit and SubmitForThread of the pool that serves the connection's service.
  void SubmitAccepted(PackedParcel&& parcel);
  void Submit(PackedParcel&& parcel);
  void SubmitForThread(PackedParcel&& parcel, Time until);
  // Dispatcher::SetPatient(false) of all: the server stops.
  void StopWaitingForThreads();
  // Flushes the pools with new parcels or a changed slot.
  void Flush();

  // Visits each waiting connection.
  void ForEachWaiting(const std::function<void(const PackedParcel&)>& visit) const;
  // Connections wait for the pool that serves `service`, or, with `tls`, for the gates.
  [[nodiscard]] bool Congested(ServiceId service, bool tls) const;
  // Connections wait for any pool.
  [[nodiscard]] bool Congested() const;
  // Sums over all pools.
  [[nodiscard]] std::size_t Waiting() const;
  [[nodiscard]] std::uint32_t ReadySlots() const;
  [[nodiscard]] Pressure CurrentPressure(PoolId pool) const;

 private:
  struct Pool {
    std::unique_ptr<Dispatcher> dispatcher;
    bool current = false;  // in the generation in service
    bool touched = false;  // changed since its last Flush
  };

  // nullopt: no generation had its service, or a gate for it.
  [[nodiscard]] std::optional<PoolId> RouteOf(ServiceId service, TlsStage tls) const;
  Pool& PoolOf(const PackedParcel& parcel);
  Pool& Find(PoolId pool);
  // Resubmits parcels that wait in a pool that no longer serves their service.
  void Reroute();
  // Hands over at once what waits for a service, or for gates, that `routes` has no more.
  void LetGoOfRemoved(const Routes& routes);
  void FlushOne(Pool& pool);
  void Tell();

  EventLoop& loop_;
  const Scoreboard& scoreboard_;
  Ledger& ledger_;
  Hooks hooks_;
  DispatchConfig config_;
  std::uint32_t cpus_ = 0;
  std::map<ServiceId, PoolId> routes_;  // of every service so far
  std::optional<PoolId> gates_;         // the last ones
  std::map<PoolId, Pool> pools_;        // never shrinks: a removed pool keeps a dispatcher without slots
  std::vector<Pool*> pool_of_slot_;     // index = slot; nullptr: not ready
  bool congestion_changed_ = false;
  std::set<PoolId> slow_;
  IdleCall tell_;
};

}  // namespace preforkd

#endif
