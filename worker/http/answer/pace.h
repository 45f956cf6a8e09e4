// Pace: how long a client may still take for what it sends or receives.
//
// It begins with an allowance, which time uses up and bytes refill: min_rate of them earn a second, and there
// is never more than the whole allowance left. So a client that stalls has the allowance, one that keeps to
// the rate has as long as it needs, and one that trickles has hardly more than one that is silent. A total
// bounds even who keeps to the rate. Pure: the time and the rules come from the caller.
#ifndef PREFORKD_WORKER_HTTP_ANSWER_PACE_H_
#define PREFORKD_WORKER_HTTP_ANSWER_PACE_H_

#include <cstdint>

#include "common/base/clock.h"

namespace preforkd::http {

struct PaceRules {
  Duration allowance{};
  std::uint64_t min_rate = 0;  // bytes a second; 0: each byte brings the whole allowance back
  Duration total{};            // from the beginning, however many bytes come; 0: no limit

  bool operator==(const PaceRules&) const = default;
};

class Pace {
 public:
  Pace() = default;
  Pace(const PaceRules& rules, Time start)
      : start_(start), due_(start + rules.allowance), slow_since_(start) {}

  // `bytes` more have been moved.
  void Progress(const PaceRules& rules, std::uint64_t bytes, Time now);
  // When the client has had all the time that it may have.
  [[nodiscard]] Time Deadline(const PaceRules& rules) const;
  [[nodiscard]] Time Start() const { return start_; }
  // For a worker without room for others (worker/process/crowding.h): the time that its bytes do not excuse.
  // Many more are asked for than min_rate, and none are put by for later. Never negative.
  [[nodiscard]] Duration Lag(Time now) const {
    return now > slow_since_ ? Duration(now - slow_since_) : Duration(0);
  }

 private:
  Time start_{};
  Time due_{};         // when the allowance is used up
  Time slow_since_{};  // what Lag counts from
};

}  // namespace preforkd::http

#endif
