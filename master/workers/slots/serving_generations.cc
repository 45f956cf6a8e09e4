#include "master/workers/slots/serving_generations.h"

#include <algorithm>

#include "common/base/check.h"

namespace preforkd {
namespace {

bool Has(const GenerationSpec& generation, ServiceId service) {
  return std::any_of(generation.services.begin(), generation.services.end(),
                     [service](const auto& each) { return each.first == service; });
}

// True if what waits for `pool`, of an earlier generation, cannot go to workers of `next`.
bool LacksAServiceOf(const GenerationSpec& next, const GenerationSpec& last, const PoolSpec& pool) {
  if (pool.config->kind == PoolKind::kTls) return !next.RoutesOfConnections().gates;
  const ServiceNumbers services = last.ServicesOf(pool.id);
  return std::any_of(services.begin(), services.end(),
                     [&next](const auto& service) { return !Has(next, service.first); });
}

}  // namespace

void ServingGenerations::Begin(const GenerationSpec& generation) {
  Add(generation);
  in_service_ = generation.number;
}

void ServingGenerations::Promote(Generation generation) {
  missed_.clear();
  for (const PoolSpec& pool : Serving().pools) {
    if (LacksAServiceOf(Of(generation), Serving(), pool)) missed_.insert(pool.id);
  }
  in_service_ = generation;
  specs_.erase(specs_.begin(), specs_.find(generation));
}

const GenerationSpec& ServingGenerations::Of(Generation generation) const {
  const auto found = specs_.find(generation);
  PF_CHECK(found != specs_.end(), "an unknown or ended generation");
  return found->second;
}

}  // namespace preforkd
