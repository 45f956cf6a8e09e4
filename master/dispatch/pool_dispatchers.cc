#include "master/dispatch/pool_dispatchers.h"

#include <algorithm>
#include <utility>

namespace preforkd {

PoolDispatchers::PoolDispatchers(EventLoop& loop, const Scoreboard& scoreboard, Ledger& ledger, Hooks hooks)
    : loop_(loop),
      scoreboard_(scoreboard),
      ledger_(ledger),
      hooks_(std::move(hooks)),
      tell_(
          loop, [this] { Tell(); }, EventLoop::kPriorityControl) {}

void PoolDispatchers::Configure(const DispatchConfig& config, const Routes& routes, std::uint32_t cpus) {
  // First, on the routes so far: a pool that gets a service from another has no worker yet that knows it.
  LetGoOfRemoved(routes);
  config_ = config;
  cpus_ = cpus;
  for (auto& [id, pool] : pools_) pool.current = false;
  for (const auto& [service, pool] : routes.services) {
    routes_[service] = pool;
    Find(pool).current = true;
  }
  if (routes.gates) {
    gates_ = routes.gates;
    Find(*gates_).current = true;
  }
  for (auto& [id, pool] : pools_) pool.dispatcher->Configure(config, cpus);
  Reroute();
}

// Only workers that are there now have those services. They are told to leave after this. What waits for a
// handshake needs a gate next, whatever its service is.
void PoolDispatchers::LetGoOfRemoved(const Routes& routes) {
  std::set<ServiceId> present;
  for (const auto& [service, pool] : routes.services) present.insert(service);
  const auto is_removed = [&](const PackedParcel& parcel) {
    return parcel.Tls() == TlsStage::kHandshakeDue ? !routes.gates : !present.contains(parcel.Service());
  };
  std::vector<PackedParcel> removed;
  for (auto& [id, pool] : pools_) pool.dispatcher->TakeWaiting(is_removed, removed);
  if (removed.empty()) return;
  for (PackedParcel& parcel : removed) Submit(std::move(parcel));
  Flush();
}

void PoolDispatchers::GiveUpWaiting(LossReason reason) {
  for (auto& [id, pool] : pools_) pool.dispatcher->GiveUpWaiting(reason);
}

void PoolDispatchers::AddSlot(PoolId pool, Slot slot, SlotChannel& channel) {
  RemoveSlot(slot);
  if (pool_of_slot_.size() <= Raw(slot)) pool_of_slot_.resize(Raw(slot) + 1);
  Pool& found = Find(pool);
  pool_of_slot_[Raw(slot)] = &found;
  found.dispatcher->AddSlot(slot, channel);
  found.touched = true;
}

void PoolDispatchers::RemoveSlot(Slot slot) {
  Pool* const pool =
      Raw(slot) < pool_of_slot_.size() ? std::exchange(pool_of_slot_[Raw(slot)], nullptr) : nullptr;
  if (pool == nullptr) return;
  pool->dispatcher->RemoveSlot(slot);
  pool->touched = true;
}

void PoolDispatchers::SubmitAccepted(PackedParcel&& parcel) {
  Pool& pool = PoolOf(parcel);
  pool.dispatcher->SubmitAccepted(std::move(parcel));
  pool.touched = true;
}

void PoolDispatchers::Submit(PackedParcel&& parcel) {
  Pool& pool = PoolOf(parcel);
  pool.dispatcher->Submit(std::move(parcel));
  pool.touched = true;
}

void PoolDispatchers::SubmitForThread(PackedParcel&& parcel, Time until) {
  Pool& pool = PoolOf(parcel);
  pool.dispatcher->SubmitForThread(std::move(parcel), until);
  pool.touched = true;
}

void PoolDispatchers::StopWaitingForThreads() {
  for (auto& [id, pool] : pools_) {
    pool.dispatcher->SetPatient(false);
    pool.touched = true;
  }
}

void PoolDispatchers::Flush() {
  for (auto& [id, pool] : pools_) {
    if (pool.touched || pool.dispatcher->Waiting() > 0) FlushOne(pool);
  }
}

void PoolDispatchers::FlushOne(Pool& pool) {
  pool.touched = false;
  pool.dispatcher->Flush();
  // A pool removed with its generation gets no more workers.
  if (!pool.current && pool.dispatcher->ReadySlots() == 0)
    pool.dispatcher->GiveUpWaiting(LossReason::kRefused);
}

void PoolDispatchers::Reroute() {
  std::vector<PackedParcel> moved;
  for (auto& [id, pool] : pools_) {
    const PoolId here = id;
    pool.dispatcher->TakeWaiting(
        [&](const PackedParcel& parcel) {
          return RouteOf(parcel.Service(), parcel.Tls()).value_or(here) != here;
        },
        moved);
  }
  for (PackedParcel& parcel : moved) Submit(std::move(parcel));
}

void PoolDispatchers::ForEachWaiting(const std::function<void(const PackedParcel&)>& visit) const {
  for (const auto& [id, pool] : pools_) pool.dispatcher->ForEachWaiting(visit);
}

bool PoolDispatchers::Congested(ServiceId service, bool tls) const {
  const auto waits = [this](std::optional<PoolId> route) {
    const auto pool = route ? pools_.find(*route) : pools_.end();
    return pool != pools_.end() && pool->second.dispatcher->Congested();
  };
  return waits(RouteOf(service, TlsStage::kNone)) || (tls && waits(gates_));
}

bool PoolDispatchers::Congested() const {
  return std::any_of(pools_.begin(), pools_.end(),
                     [](const auto& pool) { return pool.second.dispatcher->Congested(); });
}

std::size_t PoolDispatchers::Waiting() const {
  std::size_t sum = 0;
  for (const auto& [id, pool] : pools_) sum += pool.dispatcher->Waiting();
  return sum;
}

std::uint32_t PoolDispatchers::ReadySlots() const {
  std::uint32_t sum = 0;
  for (const auto& [id, pool] : pools_) sum += pool.dispatcher->ReadySlots();
  return sum;
}

Pressure PoolDispatchers::CurrentPressure(PoolId pool) const {
  const auto found = pools_.find(pool);
  return found != pools_.end() ? found->second.dispatcher->CurrentPressure() : Pressure{};
}

std::optional<PoolId> PoolDispatchers::RouteOf(ServiceId service, TlsStage tls) const {
  if (tls == TlsStage::kHandshakeDue) return gates_;
  const auto route = routes_.find(service);
  return route != routes_.end() ? std::optional(route->second) : std::nullopt;
}

// A connection without a route is closed by the main pool's dispatcher, as Parking closes those of a removed
// service.
PoolDispatchers::Pool& PoolDispatchers::PoolOf(const PackedParcel& parcel) {
  return Find(RouteOf(parcel.Service(), parcel.Tls()).value_or(kMainPool));
}

PoolDispatchers::Pool& PoolDispatchers::Find(PoolId pool) {
  Pool& found = pools_[pool];
  if (found.dispatcher != nullptr) return found;
  const Dispatcher::Hooks hooks{[this](bool) {
                                  congestion_changed_ = true;
                                  tell_.Request();
                                },
                                [this, pool] {
                                  slow_.insert(pool);
                                  tell_.Request();
                                }};
  found.dispatcher =
      std::make_unique<Dispatcher>(loop_, scoreboard_.Master(), scoreboard_.UsePool(pool), ledger_, hooks);
  found.dispatcher->Configure(config_, cpus_);
  return found;
}

void PoolDispatchers::Tell() {
  if (std::exchange(congestion_changed_, false)) hooks_.on_congestion();
  for (const PoolId pool : std::exchange(slow_, {})) hooks_.on_all_slow(pool);
}

}  // namespace preforkd
