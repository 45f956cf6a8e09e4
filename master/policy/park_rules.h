// Decides what happens to a connection that a worker hands back. Pure.
#ifndef PREFORKD_MASTER_POLICY_PARK_RULES_H_
#define PREFORKD_MASTER_POLICY_PARK_RULES_H_

#include <cstdint>

namespace preforkd {

struct ParkReading {
  std::uint64_t parked = 0;  // connections parked now
  std::uint64_t max = 0;     // parking.max
  bool table_full = false;   // no file descriptor may be used for one more
  bool stopping = false;
  // The service can go on at once: unread bytes, or a response half sent. Its worker had not yet seen that
  // the server stops, if it does: there, a worker keeps such a connection.
  bool has_work = false;
};

enum class ParkVerdict {
  kPark,        // hold it and watch it
  kEvictFirst,  // the same, after closing the connection that has been parked for longest
  kDispatch,    // give it to a worker
  kClose,       // the server is stopping, and the connection is idle
};

ParkVerdict JudgeArrival(const ParkReading& reading);

}  // namespace preforkd

#endif
