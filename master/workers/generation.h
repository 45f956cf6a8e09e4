// GenerationSpec: one configuration with its number, as workers are started with it.
#ifndef PREFORKD_MASTER_WORKERS_GENERATION_H_
#define PREFORKD_MASTER_WORKERS_GENERATION_H_

#include <memory>
#include <utility>
#include <vector>

#include "common/base/ids.h"
#include "common/config/config.h"
#include "common/wire/parcel.h"
#include "master/policy/fleet/fleet.h"

namespace preforkd {

struct GenerationSpec {
  Generation number{};
  std::shared_ptr<const Config> config;
  std::uint32_t workers = 1;  // "auto" resolved
  // The master-wide number of each service of `config`.
  std::vector<std::pair<ServiceId, const ServiceConfig*>> services;

  // All services are in one pool.
  [[nodiscard]] std::vector<PoolTarget> Pools() const {
    const SupervisionConfig& s = config->supervision;
    return {{kMainPool, "main", workers,
             FleetSettings{s.start_timeout, s.drain_timeout, s.backoff_min, s.backoff_max}}};
  }
};

}  // namespace preforkd

#endif
