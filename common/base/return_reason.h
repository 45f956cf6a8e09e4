// Why a worker hands a connection back: a field of the wire and a label of metrics.
#ifndef PREFORKD_COMMON_BASE_RETURN_REASON_H_
#define PREFORKD_COMMON_BASE_RETURN_REASON_H_

#include <cstddef>
#include <cstdint>

namespace preforkd {

// On the wire and in saved state: append new values, never change one.
enum class ReturnReason : std::uint8_t {
  kIdle,       // it has been idle for parking.after
  kRetiring,   // the worker retires
  kOverShare,  // other workers have fewer connections
  kBusy,       // its request waits for an application thread, here for longer than a moment
  kSecured,    // a gate has made its TLS handshake
};
inline constexpr std::size_t kReturnReasons = 5;

constexpr const char* ReturnReasonName(ReturnReason reason) {
  switch (reason) {
    case ReturnReason::kIdle: return "idle";
    case ReturnReason::kRetiring: return "retiring";
    case ReturnReason::kOverShare: return "over_share";
    case ReturnReason::kBusy: return "busy";
    case ReturnReason::kSecured: return "secured";
  }
  return "unknown";
}

}  // namespace preforkd

#endif
