#include "worker/connection/parking/parking_rhythm.h"

#include <algorithm>

namespace preforkd {
namespace {

// Pauses of one client differ. With less than twice its first silence, one whose pauses differ by the factor
// of three travels several times until its longest pause is known.
constexpr int kMargin = 2;

}  // namespace

Duration StayOf(const ParkingConfig& config, Duration learned, bool may_stay) {
  if (!may_stay || config.after == Duration(0)) return config.after;
  // A reload may have changed both bounds since it was learned.
  return std::max(config.after, std::min(learned, config.max_after));
}

Duration LearnStay(const ParkingConfig& config, Duration learned, Duration silence) {
  if (silence > config.max_after) return kShortestStay;
  if (silence < config.after) return learned;  // it had left early, and would have been in time
  return std::min(kMargin * silence, config.max_after);
}

}  // namespace preforkd
