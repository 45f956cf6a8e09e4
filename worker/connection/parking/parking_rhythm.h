// Parking rhythm: how long an idle connection stays in its worker before it is parked. Pure.
//
// parking.after, as long as nothing is known of its client. One that speaks again soon after it was parked
// has travelled in vain, so it stays longer the next time: a quarter longer than it was silent, up to
// parking.max_after. One that was silent for longer than that gains nothing by staying, and goes back as
// early as ever. A crash of the worker costs those that stay; so nobody stays who has not shown that rhythm,
// and nobody for longer than parking.max_after.
#ifndef PREFORKD_WORKER_CONNECTION_PARKING_PARKING_RHYTHM_H_
#define PREFORKD_WORKER_CONNECTION_PARKING_PARKING_RHYTHM_H_

#include <cstdint>

#include "common/base/clock.h"
#include "common/config/config.h"
#include "common/scoreboard/worker_row.h"

namespace preforkd {

// What a worker says of itself.
struct StayReading {
  std::uint64_t connections = 0;  // live
  std::uint64_t max = 0;          // dispatch.max_connections
  std::uint64_t threads = 0;      // application threads
  std::uint64_t callbacks = 0;    // finished, since its start
  std::uint64_t busy_ns = 0;      // the time spent in them
};

// `config`: that of the worker whose row this is.
[[nodiscard]] StayReading ReadingOf(const WorkerRow& row, const Config& config);

// False: its places are needed for others, or a request would perhaps wait for another one here: its
// callbacks are slow, or its handlers run in application threads. A parked connection goes to a worker that
// is free.
[[nodiscard]] bool MayStay(const StayReading& worker);

// The time that an idle connection stays. `learned`: what LearnStay returned last; 0: nothing yet.
// `may_stay`: MayStay of its worker; else it stays for parking.after.
[[nodiscard]] Duration StayOf(const ParkingConfig& config, Duration learned, bool may_stay);

// What its next stay is to be, after a silence in which it was parked. `silence` is the time between its last
// answer and the next byte of its client.
[[nodiscard]] Duration LearnStay(const ParkingConfig& config, Duration learned, Duration silence);

}  // namespace preforkd

#endif
