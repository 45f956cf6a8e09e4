// GenerationTarget: which workers a generation wants, pool by pool. A value; says nothing about those that
// exist.
#ifndef PREFORKD_MASTER_POLICY_FLEET_GENERATION_TARGET_H_
#define PREFORKD_MASTER_POLICY_FLEET_GENERATION_TARGET_H_

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/ids.h"

namespace preforkd {

// How long the workers of one pool may take, and how soon they are started again.
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
  std::vector<PoolTarget> pools;  // each once

  // nullptr: this generation has no such pool.
  [[nodiscard]] const PoolTarget* Find(PoolId pool) const;
  [[nodiscard]] PoolTarget* Find(PoolId pool);
  // Of all pools together.
  [[nodiscard]] std::uint32_t Workers() const;
  // `text`, with the pool's name in front where the generation has several.
  [[nodiscard]] std::string About(PoolId pool, const std::string& text) const;
};

// Aborts on a target that no checked configuration yields: no pool, a pool without workers or twice.
void CheckTarget(const GenerationTarget& target);

}  // namespace preforkd

#endif
