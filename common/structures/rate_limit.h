// OncePerSecond: lets one event a second through and counts the rest, so that a fault that repeats a thousand
// times a second makes one log line. Pure: the time comes from the caller.
#ifndef PREFORKD_COMMON_STRUCTURES_RATE_LIMIT_H_
#define PREFORKD_COMMON_STRUCTURES_RATE_LIMIT_H_

#include <cstdint>
#include <optional>

#include "common/base/clock.h"

namespace preforkd {

class OncePerSecond {
 public:
  // The number of events held back since the last one let through, if this one may pass; else nullopt.
  std::optional<std::uint64_t> Allow(Time now) {
    if (last_ && now - *last_ < std::chrono::seconds(1)) {
      ++held_back_;
      return std::nullopt;
    }
    last_ = now;
    const std::uint64_t count = held_back_;
    held_back_ = 0;
    return count;
  }

 private:
  std::optional<Time> last_;
  std::uint64_t held_back_ = 0;
};

}  // namespace preforkd

#endif
