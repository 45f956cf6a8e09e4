#include "master/policy/fleet/first_boot.h"

#include <algorithm>

namespace preforkd {
namespace {

// The first generation gives up when every slot of a pool has failed this often.
constexpr std::uint32_t kBootAttempts = 3;

}  // namespace

void FirstBoot::Begin(const GenerationTarget& target, Time now) {
  began_ = now;
  for (const PoolTarget& pool : target.pools) waiting_.insert(pool.pool);
}

bool FirstBoot::OnReady(PoolId pool) { return waiting_.erase(pool) > 0 && waiting_.empty(); }

bool FirstBoot::Hopeless(const PoolTarget& pool, const std::vector<WorkerRecord>& records, Time now) const {
  if (!waiting_.contains(pool.pool)) return false;
  const bool late = now - began_ >= pool.settings.start_timeout;
  const std::uint32_t enough = late ? 1 : kBootAttempts;
  return std::none_of(records.begin(), records.end(), [&](const WorkerRecord& record) {
    return record.pool == pool.pool && record.wanted && record.failures < enough;
  });
}

}  // namespace preforkd
