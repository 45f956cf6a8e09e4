// Time. Deadlines and durations use the monotonic clock, so that a jump of the wall clock affects nothing.
// The wall clock is for log lines and the Date header only.
//
// Pure code takes a Time as a parameter; only shells call Now().
#ifndef PREFORKD_COMMON_BASE_CLOCK_H_
#define PREFORKD_COMMON_BASE_CLOCK_H_

#include <chrono>
#include <cstdint>

namespace preforkd {

// CLOCK_MONOTONIC, nanoseconds. The same in every process of one boot: it may cross processes and be stored
// in shared memory.
using Time = std::chrono::steady_clock::time_point;
using Duration = std::chrono::nanoseconds;

inline Time Now() { return std::chrono::steady_clock::now(); }

// For the wire and for shared memory.
inline std::int64_t ToNanoseconds(Time time) {
  return std::chrono::duration_cast<Duration>(time.time_since_epoch()).count();
}
inline Time FromNanoseconds(std::int64_t nanoseconds) { return Time(Duration(nanoseconds)); }

// How often a worker writes its heartbeat, which shows that its loop turns.
inline constexpr Duration kHeartbeatInterval = std::chrono::seconds(1);

inline double Seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace preforkd

#endif
