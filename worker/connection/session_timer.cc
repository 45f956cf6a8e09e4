#include "worker/connection/session_timer.h"

#include <utility>

namespace preforkd {

void SessionTimer::SetAfter(Duration session) {
  session_ = Time{};
  timer_.SetAfter(session);
}

void SessionTimer::SetAfter(Duration parking, Duration session, Time now) {
  session_ = now + session;
  timer_.SetAt(now + parking, now);
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
