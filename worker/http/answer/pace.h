// Pace: how long a client may still take to send or receive data.
//
// It starts with an allowance, which time uses up and bytes refill: min_rate bytes give back one second,
// never beyond the full allowance. So a stalled client gets the allowance, a client at min_rate as long as it
// needs, and a client that trickles hardly more than a silent one. A total limits even a client at min_rate.
// Pure: the caller passes time and rules.
#ifndef PREFORKD_WORKER_HTTP_ANSWER_PACE_H_
#define PREFORKD_WORKER_HTTP_ANSWER_PACE_H_

#include <cstdint>

#include "common/base/clock.h"

namespace preforkd::http {

struct PaceRules {
  Duration allowance{};
  std::uint64_t min_rate = 0;  // bytes per second; 0: any byte restores the full allowance
  Duration total{};            // from the start, whatever arrives; 0: no limit

  bool operator==(const PaceRules&) const = default;
};

class Pace {
 public:
  Pace() = default;
  Pace(const PaceRules& rules, Time start)
      : start_(start), due_(start + rules.allowance), slow_since_(start) {}

  // `bytes` more were sent or received.
  void Progress(const PaceRules& rules, std::uint64_t bytes, Time now);
  // The time at which the client has used everything it may have.
  [[nodiscard]] Time Deadline(const PaceRules& rules) const;
  [[nodiscard]] Time Start() const { return start_; }
  // For a worker without room for more connections (worker/process/crowding.h): time not covered by bytes at
  // a rate far above min_rate, without credit for the future. Never negative.
  [[nodiscard]] Duration Lag(Time now) const {
    return now > slow_since_ ? Duration(now - slow_since_) : Duration(0);
  }

 private:
  Time start_{};
  Time due_{};         // when the allowance runs out
  Time slow_since_{};  // Lag is the time since then
};

}  // namespace preforkd::http

#endif
