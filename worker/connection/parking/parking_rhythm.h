// Parking rhythm: how long an idle connection stays in its worker before it is parked. Pure.
//
// A client that speaks again soon after it was parked has travelled in vain, so it stays longer the next
// time: for twice the silence, up to parking.max_after. One that was silent for longer than that gains
// nothing by staying, and goes back after parking.after. One that speaks for the first time has shown nothing
// yet: it does as those before it (newcomers.h). A crash of the worker costs those that stay, so nobody stays
// for longer than parking.max_after, and the 32 ms at most of SessionTimer::ParkingTime.
#ifndef PREFORKD_WORKER_CONNECTION_PARKING_PARKING_RHYTHM_H_
#define PREFORKD_WORKER_CONNECTION_PARKING_PARKING_RHYTHM_H_

#include "common/base/clock.h"
#include "common/config/config.h"

namespace preforkd {

// What is learned of a client that gains nothing by staying: no stay is as short. In whole milliseconds, as
// it travels, and not 0, which is for a client of which nothing is known.
inline constexpr Duration kShortestStay = std::chrono::milliseconds(1);

// The time that an idle connection stays. `learned`: what LearnStay returned last, or its first stay; 0:
// nothing yet. `may_stay`: Stays::MayStay of its worker; else it stays for parking.after.
[[nodiscard]] Duration StayOf(const ParkingConfig& config, Duration learned, bool may_stay);

// What its next stay is to be, after a silence in which it was parked. `silence` is the time between its last
// answer and the next byte of its client.
[[nodiscard]] Duration LearnStay(const ParkingConfig& config, Duration learned, Duration silence);

}  // namespace preforkd

#endif
