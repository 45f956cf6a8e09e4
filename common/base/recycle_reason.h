// Why a healthy worker is replaced: what the policy decides, a counter of the scoreboard and a label of
// metrics.
#ifndef PREFORKD_COMMON_BASE_RECYCLE_REASON_H_
#define PREFORKD_COMMON_BASE_RECYCLE_REASON_H_

#include <cstddef>
#include <cstdint>

namespace preforkd {

// An index into counters of the scoreboard: append new values, never change one.
enum class RecycleReason : std::uint8_t {
  kRequests,  // supervision.max_requests
  kMemory,    // supervision.max_memory
  kLifetime,  // supervision.max_lifetime
  kAsked,     // by the operator, or by the worker
};
inline constexpr std::size_t kRecycleReasons = 4;

constexpr const char* RecycleReasonName(RecycleReason reason) {
  switch (reason) {
    case RecycleReason::kRequests: return "max_requests";
    case RecycleReason::kMemory: return "max_memory";
    case RecycleReason::kLifetime: return "max_lifetime";
    case RecycleReason::kAsked: return "asked";
  }
  return "unknown";
}

}  // namespace preforkd

#endif
