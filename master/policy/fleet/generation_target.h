// GenerationTarget: which workers a generation wants, pool by pool. A value; knows nothing about existing
// workers.
#ifndef PREFORKD_MASTER_POLICY_FLEET_GENERATION_TARGET_H_
#define PREFORKD_MASTER_POLICY_FLEET_GENERATION_TARGET_H_

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/ids.h"

namespace preforkd {

// Timeouts and restart delays of the workers of one pool.
struct FleetSettings {
  Duration start_timeout = std::chrono::seconds(10);
  Duration drain_timeout = std::chrono::seconds(30);
  Duration backoff_min = std::chrono::milliseconds(100);
  Duration backoff_max = std::chrono::seconds(30);
};

struct PoolTarget {
  PoolId pool{};
  std::string name;           // for messages
  std::uint32_t workers = 0;  // at least 1
  FleetSettings settings;
};

struct GenerationTarget {
  Generation number{};
  std::vector<PoolTarget> pools;  // each pool once

  // nullptr: this generation has no such pool.
  [[nodiscard]] const PoolTarget* Find(PoolId pool) const;
  [[nodiscard]] PoolTarget* Find(PoolId pool);
  // Workers of all pools together.
  [[nodiscard]] std::uint32_t Workers() const;
  // `text`, prefixed with the pool's name if the generation has several pools.
  [[nodiscard]] std::string About(PoolId pool, const std::string& text) const;
};

// Aborts on a target that no checked configuration yields: no pool, a pool without workers, a pool twice.
void CheckTarget(const GenerationTarget& target);

}  // namespace preforkd

#endif
