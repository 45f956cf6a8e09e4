// What becomes of a connection that comes back. Pure.
#ifndef PREFORKD_MASTER_POLICY_PARK_RULES_H_
#define PREFORKD_MASTER_POLICY_PARK_RULES_H_

#include <cstdint>

namespace preforkd {

struct ParkReading {
  std::uint64_t parked = 0;  // now
  std::uint64_t most = 0;    // parking.max
  bool table_full = false;   // no descriptor may be used for one more
  bool stopping = false;
  bool has_work =
      false;  // there is something for the service to do at once: unread bytes, an answer half sent
};

enum class ParkVerdict {
  kPark,        // hold it and watch it
  kEvictFirst,  // the same, after closing the one that has been parked for longest
  kDispatch,    // give it to a worker at once
  kClose,       // the server is stopping, and it is idle
};

ParkVerdict JudgeArrival(const ParkReading& reading);

}  // namespace preforkd

#endif
