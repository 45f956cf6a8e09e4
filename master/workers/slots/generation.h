// GenerationSpec: one configuration with its numbers; workers are started with it. A plain value.
#ifndef PREFORKD_MASTER_WORKERS_SLOTS_GENERATION_H_
#define PREFORKD_MASTER_WORKERS_SLOTS_GENERATION_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/base/ids.h"
#include "common/config/config.h"
#include "common/gate/checked_certificates.h"
#include "common/process/preload_area.h"
#include "common/scoreboard/module_counters.h"
#include "common/wire/parcel.h"
#include "master/dispatch/routes.h"
#include "master/policy/fleet/fleet.h"

namespace preforkd {

// The services of a generation with their numbers. A name keeps its number until the server is restarted.
using ServiceNumbers = std::vector<std::pair<ServiceId, const ServiceConfig*>>;

struct PoolSpec {
  PoolId id{};
  const PoolConfig* config = nullptr;  // points into GenerationSpec::config
  std::uint32_t workers = 1;           // with "auto" resolved
};

struct GenerationSpec {
  Generation number{};
  std::shared_ptr<const Config> config;
  std::vector<PoolSpec> pools;       // those with services, and the gates, in the order of the configuration
  ServiceNumbers services;           // of all pools
  CheckedCertificates certificates;  // for its gates
  int ticket_page = -1;              // for its gates, borrowed; -1: no tickets
  std::map<ServiceId, CounterNumbers> counters;  // of the services whose module has some
  Preloads preloads;                             // of the services whose module has one

  // The workers that Fleet shall run. One that must load for itself has more time to start.
  [[nodiscard]] std::vector<PoolTarget> Targets() const;
  // nullptr: this generation has no such pool.
  [[nodiscard]] const PoolSpec* FindPool(PoolId pool) const;
  // Empty if this generation has no such pool.
  [[nodiscard]] std::string NameOf(PoolId pool) const;
  // Precondition: it has the pool.
  [[nodiscard]] ServiceNumbers ServicesOf(PoolId pool) const;
  [[nodiscard]] Routes RoutesOfConnections() const;
  // Workers of all pools together.
  [[nodiscard]] std::uint32_t Workers() const;
};

}  // namespace preforkd

#endif
