// Stays: what a worker knows when it decides how long its idle connections stay. Pure: it is told what the
// worker's row says.
#ifndef PREFORKD_WORKER_CONNECTION_PARKING_STAYS_H_
#define PREFORKD_WORKER_CONNECTION_PARKING_STAYS_H_

#include <cstdint>

#include "common/scoreboard/worker_row.h"
#include "worker/connection/parking/newcomers.h"

namespace preforkd {

// What a worker says of itself.
struct StayReading {
  std::uint64_t connections = 0;  // live
  std::uint64_t threads = 0;      // application threads
  std::uint64_t callbacks = 0;    // finished, since its start
  std::uint64_t busy_ns = 0;      // the time spent in them
};
[[nodiscard]] StayReading ReadingOf(const WorkerRow& row);

class Stays {
 public:
  // At each heartbeat. `places`: how many connections the worker can have, by configuration and descriptors.
  void Beat(const StayReading& now, std::uint64_t places);

  // False: its places are needed for others, or a request would perhaps wait for another one here: its
  // callbacks of the last second or two are slow, or its handlers run in application threads. A parked
  // connection goes to a worker that is free.
  [[nodiscard]] bool MayStay(const StayReading& now) const;

  Newcomers newcomers;

 private:
  std::uint64_t places_ = 0;
  // At the last heartbeat, and at the one before.
  StayReading last_;
  StayReading before_;
};

}  // namespace preforkd

#endif
