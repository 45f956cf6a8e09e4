// Elastic: decides when to start an extra worker because all others are blocked, and when to release it.
// Pure.
//
// Blocked is not busy: a worker that takes connections never counts as blocked, however slow the machine is.
// A crash is no reason for an extra: while a desired worker is missing or starting, the fleet waits for it.
#ifndef PREFORKD_MASTER_POLICY_ELASTIC_H_
#define PREFORKD_MASTER_POLICY_ELASTIC_H_

#include <cstddef>
#include <cstdint>

#include "common/base/clock.h"

namespace preforkd {

struct ElasticReading {
  std::uint32_t ready = 0;     // workers of the generation in service, extras included
  std::uint32_t blocked = 0;   // of the ready ones
  std::uint32_t starting = 0;  // of the same generation, extras included
  std::uint32_t desired = 0;   // without extras
  std::uint32_t extras = 0;    // started and not released
  std::uint32_t max = 0;       // workers_max, resolved
  std::size_t waiting = 0;     // parcels that no slot can take
};

class Elastic {
 public:
  static constexpr Duration kKeepFor = std::chrono::seconds(30);
  // Pause after an extra could not be forked or exited before it was ready.
  static constexpr Duration kRestAfterFailure = std::chrono::seconds(1);

  // True if one more worker should be started now.
  bool WantsOneMore(const ElasticReading& reading, Time now);
  void StartFailed(Time now) { not_before_ = now + kRestAfterFailure; }
  // True if an extra should be released now: for kKeepFor the desired workers alone would have been enough.
  bool CanSpareOne(const ElasticReading& reading, Time now);

 private:
  Time last_needed_{};
  Time not_before_{};
};

}  // namespace preforkd

#endif
