// Newcomers: how long clients stay after their first answer, when nothing is known of their rhythm. Pure.
//
// As those before them: while no more of this worker's newcomers have been silent for a whole long stay than
// have spared a journey by it, each has a long one, and those that speak soon never travel. Else they go back
// after parking.after, as the memory of the server wants it, and one in sixteen tries whether that is still
// so. Only outcomes count: thousands that have come within a second are no sign of anything yet. And only
// those of long stays: one that goes back early for another reason says nothing about how long it would have
// been silent. A worker begins with trust, for some dozens of outcomes.
#ifndef PREFORKD_WORKER_CONNECTION_PARKING_NEWCOMERS_H_
#define PREFORKD_WORKER_CONNECTION_PARKING_NEWCOMERS_H_

#include <cstdint>
#include <optional>

#include "common/base/clock.h"
#include "common/config/config.h"

namespace preforkd {

class Newcomers {
 public:
  // One has been answered for the first time. Its first stay, if that is to be a long one; then either of the
  // calls below follows (Newcomer), or none if it leaves before.
  [[nodiscard]] std::optional<Duration> LongStay(const ParkingConfig& config);
  // It was silent for longer than parking.after, and then spoke.
  void Spared();
  // It was silent for the whole of its long stay.
  void WasSilent();

 private:
  void Forget();

  // Older ones count less and less. The first ones are a credit.
  std::uint32_t spared_ = 32;
  std::uint32_t silent_ = 0;
  std::uint32_t passed_over_ = 0;  // without a long stay, since the last one with it
};

// One connection, as far as it is to say what a long stay is good for: from LongStay to one outcome.
class Newcomer {
 public:
  void MayStayLong() { awaited_ = true; }
  // It is idle. `long_stay`: it stays for longer than parking.after, which is over at `after`.
  void BeginsIdleTime(bool long_stay, Time after) { gains_at_ = awaited_ && long_stay ? after : Time{}; }
  // It is not idle any more, whether or not its client has spoken.
  void EndsIdleTime() { gains_at_ = Time{}; }
  // It is idle, and stays for long: the next word, or the end of its stay, may be an outcome.
  [[nodiscard]] bool IsWatched() const { return gains_at_ != Time{}; }
  // Its client has spoken. What it sends until it is idle again ends no silence.
  void Speaks(Time at, Newcomers& all);
  // Its stay is over.
  void GoesBack(Newcomers& all);

 private:
  bool awaited_ = false;
  Time gains_at_{};  // a word after that spares a journey; zero: it has no long stay now
};

}  // namespace preforkd

#endif
