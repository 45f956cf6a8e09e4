#include "worker/connection/parking/parking_rhythm.h"

#include <algorithm>

namespace preforkd {
namespace {

// Clients are not exact, and the timer has a grain of some milliseconds.
constexpr int kMargin = 4;  // a quarter
// A mean time of callbacks. One in a hundred that waits 100 ms for something makes it.
constexpr std::uint64_t kSlowNs = 1'000'000;

}  // namespace

StayReading ReadingOf(const WorkerRow& row, const Config& config) {
  return {row.InProgress(), config.dispatch.max_connections, Get(row.threads), Get(row.callbacks),
          Get(row.busy_ns)};
}

bool MayStay(const StayReading& worker) {
  // From three quarters on, places are short (worker/process/crowding.h).
  const bool roomy = worker.connections <= worker.max - worker.max / 4;
  return roomy && worker.threads == 0 && worker.busy_ns <= kSlowNs * worker.callbacks;
}

Duration StayOf(const ParkingConfig& config, Duration learned, bool may_stay) {
  if (!may_stay || config.after == Duration(0)) return config.after;
  // A reload may have changed both bounds since it was learned.
  return std::max(config.after, std::min(learned, config.max_after));
}

Duration LearnStay(const ParkingConfig& config, Duration learned, Duration silence) {
  if (silence > config.max_after) return Duration(0);
  if (silence < config.after) return learned;  // it had left early, and would have been in time
  return std::min<Duration>(silence + silence / kMargin, config.max_after);
}

}  // namespace preforkd
