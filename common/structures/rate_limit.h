// OncePerSecond: lets one event a second pass and counts the others, so that a fault that repeats a thousand
// times a second makes one log line. Pure: the caller passes the time.
#ifndef PREFORKD_COMMON_STRUCTURES_RATE_LIMIT_H_
#define PREFORKD_COMMON_STRUCTURES_RATE_LIMIT_H_

#include <cstdint>
#include <optional>

#include "common/base/clock.h"

namespace preforkd {

class OncePerSecond {
 public:
  // If this event may pass: the number of events held back since the last one that passed. Otherwise nullopt.
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
