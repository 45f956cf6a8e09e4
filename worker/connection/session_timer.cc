#include "worker/connection/session_timer.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace preforkd {
namespace {

// A batch of clients must not keep the loop for longer than others would notice. All workers have the same
// times: the master then wakes up once for many of them, too.
constexpr std::chrono::milliseconds kMaxGrid{32};
constexpr int kShareOfParking = 16;

}  // namespace

Time SessionTimer::ParkingTime(Time now, Duration parking) {
  const auto share = std::chrono::duration_cast<std::chrono::milliseconds>(parking / kShareOfParking);
  if (share < std::chrono::milliseconds(1)) return now + parking;
  // Powers of two, so that the times of different spans fall together.
  const auto grid = std::bit_floor(static_cast<std::uint64_t>(std::min(share, kMaxGrid).count()));
  const Duration step = std::chrono::milliseconds(grid);
  const Time earliest = now + parking;
  const Duration past = earliest.time_since_epoch() % step;
  return past == Duration(0) ? earliest : earliest + (step - past);
}

void SessionTimer::SetAfter(Duration session) {
  session_ = Time{};
  timer_.SetAfter(session);
}

void SessionTimer::SetAfter(Duration parking, Duration session, Time now) {
  session_ = now + session;
  // None travels only to be closed.
  const Time together = ParkingTime(now, parking);
  timer_.SetAt(together < session_ ? together : now + parking, now);
}

void SessionTimer::Cancel() {
  session_ = Time{};
  timer_.Cancel();
}

SessionTimer::Deadline SessionTimer::Passed() {
  if (session_ == Time{}) return Deadline::kSession;
  timer_.SetAt(std::exchange(session_, Time{}));
  return Deadline::kParking;
}

}  // namespace preforkd
