#include "master/workers/slots/generation.h"

#include <fmt/core.h>

#include <algorithm>

#include "common/base/check.h"

namespace preforkd {
namespace {

// For what the workers of `pool` load for themselves. Where an area is there it is nothing: it serves all.
Duration TimeToLoadAlone(const GenerationSpec& generation, const PoolConfig& pool) {
  Duration sum{0};
  for (const auto& [id, service] : generation.services) {
    const bool alone = service->pool == pool.name && service->module && service->module->preload &&
                       !generation.preloads.contains(service->name);
    if (alone) sum += service->settings.Time(kPreloadTimeout);
  }
  return sum;
}

}  // namespace

std::vector<PoolTarget> GenerationSpec::Targets() const {
  std::vector<PoolTarget> targets;
  for (const PoolSpec& pool : pools) {
    const SupervisionConfig& s = pool.config->supervision;
    targets.push_back({pool.id, pool.config->name, pool.workers,
                       FleetSettings{s.start_timeout + TimeToLoadAlone(*this, *pool.config), s.drain_timeout,
                                     s.backoff_min, s.backoff_max}});
  }
  return targets;
}

const PoolSpec* GenerationSpec::FindPool(PoolId pool) const {
  const auto found =
      std::find_if(pools.begin(), pools.end(), [pool](const PoolSpec& each) { return each.id == pool; });
  return found != pools.end() ? &*found : nullptr;
}

std::string GenerationSpec::NameOf(PoolId pool) const {
  const PoolSpec* spec = FindPool(pool);
  return spec == nullptr ? std::string() : spec->config->name;
}

ServiceNumbers GenerationSpec::ServicesOf(PoolId pool) const {
  const PoolSpec* const spec = FindPool(pool);
  PF_CHECK(spec != nullptr, "services of a pool that the generation does not have");
  ServiceNumbers found;
  for (const auto& service : services) {
    if (service.second->pool == spec->config->name) found.push_back(service);
  }
  return found;
}

Routes GenerationSpec::RoutesOfConnections() const {
  Routes routes;
  for (const PoolSpec& pool : pools) {
    if (pool.config->kind == PoolKind::kTls) routes.gates = pool.id;
    for (const auto& service : ServicesOf(pool.id)) routes.services.emplace_back(service.first, pool.id);
  }
  return routes;
}

std::uint32_t GenerationSpec::Workers() const {
  std::uint32_t sum = 0;
  for (const PoolSpec& pool : pools) sum += pool.workers;
  return sum;
}

}  // namespace preforkd
