#include "master/policy/recycle.h"

#include <fmt/core.h>

#include <algorithm>

namespace preforkd {
namespace {

// Maximum jitter of a limit, in thousandths.
constexpr std::uint64_t kJitter = 200;

// Finalizer of splitmix64: neighbouring inputs give unrelated outputs.
std::uint64_t Mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31);
}

constexpr double kMebibyte = 1024.0 * 1024.0;

}  // namespace

std::optional<RecycleVerdict> Recycle::Judge(const RecycleReading& reading,
                                             const RecycleLimits& limits) const {
  const std::uint64_t max_requests = LimitFor(reading.incarnation, limits.max_requests);
  if (limits.max_requests > 0 && reading.requests >= max_requests) {
    return RecycleVerdict{RecycleReason::kRequests,
                          fmt::format("{} requests served, its limit is {}", reading.requests, max_requests)};
  }
  if (limits.max_memory > 0 && reading.memory > limits.max_memory) {
    return RecycleVerdict{RecycleReason::kMemory,
                          fmt::format("{:.1f} MiB of memory, the limit is {:.1f} MiB",
                                      static_cast<double>(reading.memory) / kMebibyte,
                                      static_cast<double>(limits.max_memory) / kMebibyte)};
  }
  const Duration longest(static_cast<Duration::rep>(
      LimitFor(reading.incarnation, static_cast<std::uint64_t>(limits.max_lifetime.count()))));
  if (limits.max_lifetime > Duration(0) && reading.age >= longest) {
    return RecycleVerdict{RecycleReason::kLifetime, fmt::format("{:.1f} s old, its limit is {:.1f} s",
                                                                Seconds(reading.age), Seconds(longest))};
  }
  return std::nullopt;
}

std::uint64_t Recycle::LimitFor(Incarnation incarnation, std::uint64_t limit) const {
  const std::uint64_t thousandths = 1000 - kJitter + Mix(seed_ + Raw(incarnation)) % (2 * kJitter + 1);
  // Multiplied in two parts, so that a large limit does not overflow.
  return std::max<std::uint64_t>(1, limit / 1000 * thousandths + limit % 1000 * thousandths / 1000);
}

}  // namespace preforkd
