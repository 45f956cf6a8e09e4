// Elastic: when to start a worker more because all others are blocked, and when to let it go. Pure.
//
// Blocked is not busy: a worker that takes is never counted as stuck, however slow the machine is. And a
// crash is not a reason: while a worker that should be there is missing or starting, the answer is to wait
// for it.
#ifndef PREFORKD_MASTER_POLICY_ELASTIC_H_
#define PREFORKD_MASTER_POLICY_ELASTIC_H_

#include <cstddef>
#include <cstdint>

#include "common/base/clock.h"

namespace preforkd {

struct ElasticReading {
  std::uint32_t ready = 0;     // workers of the generation in service, extras included
  std::uint32_t blocked = 0;   // of those
  std::uint32_t starting = 0;  // of the same generation, extras included
  std::uint32_t desired = 0;   // without extras
  std::uint32_t extras = 0;    // started and not released
  std::uint32_t most = 0;      // workers_max
  std::size_t waiting = 0;     // parcels that no slot can take
};

class Elastic {
 public:
  static constexpr Duration kKeepFor = std::chrono::seconds(30);
  // After an extra could not be forked, or died before it was ready.
  static constexpr Duration kRestAfterFailure = std::chrono::seconds(1);

  // Should one more be started now?
  bool WantsOneMore(const ElasticReading& reading, Time now);
  void StartFailed(Time now) { not_before_ = now + kRestAfterFailure; }
  // Should an extra be released now? True once the workers of the fleet proper alone have been enough for
  // kKeepFor.
  bool CanSpareOne(const ElasticReading& reading, Time now);

 private:
  Time last_needed_{};
  Time not_before_{};
};

}  // namespace preforkd

#endif
