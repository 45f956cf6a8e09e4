// Recycle: decides which worker has reached a limit (supervision.max_requests, max_memory, max_lifetime) and
// is replaced. Pure.
//
// Workers that started together would reach a limit together. So each incarnation gets its own limits on
// requests and lifetime: up to a fifth above or below the configured value, fixed for its lifetime.
#ifndef PREFORKD_MASTER_POLICY_RECYCLE_H_
#define PREFORKD_MASTER_POLICY_RECYCLE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/clock.h"
#include "common/base/ids.h"
#include "common/base/recycle_reason.h"

namespace preforkd {

// 0: no limit.
struct RecycleLimits {
  std::uint64_t max_requests = 0;
  std::uint64_t max_memory = 0;  // bytes
  Duration max_lifetime{0};
};

struct RecycleReading {
  Incarnation incarnation{};
  std::uint64_t requests = 0;
  std::uint64_t memory = 0;  // bytes
  Duration age{0};
};

struct RecycleVerdict {
  RecycleReason reason{};  // which limit was reached
  std::string text;        // "1203 requests served, its limit is 1187"
};

class Recycle {
 public:
  explicit Recycle(std::uint64_t seed) : seed_(seed) {}

  // Why this worker is to be replaced; nullopt: it stays.
  [[nodiscard]] std::optional<RecycleVerdict> Judge(const RecycleReading& reading,
                                                    const RecycleLimits& limits) const;

  // The limit for this incarnation: 0.8 to 1.2 times the configured one, at least 1.
  [[nodiscard]] std::uint64_t LimitFor(Incarnation incarnation, std::uint64_t limit) const;

 private:
  std::uint64_t seed_;
};

}  // namespace preforkd

#endif
