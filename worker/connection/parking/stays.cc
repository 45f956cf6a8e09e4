#include "worker/connection/parking/stays.h"

#include <utility>

namespace preforkd {
namespace {

// A mean time of callbacks. One in a hundred that waits 100 ms for something makes it.
constexpr std::uint64_t kSlowNs = 1'000'000;
// Busy for no longer than that in a second or two: hardly anybody waits, and a few first callbacks, which are
// slow in every process, say nothing.
constexpr std::uint64_t kLittleNs = 10'000'000;

}  // namespace

StayReading ReadingOf(const WorkerRow& row) {
  return {row.InProgress(), Get(row.threads), Get(row.callbacks), Get(row.busy_ns)};
}

void Stays::Beat(const StayReading& now, std::uint64_t places) {
  before_ = std::exchange(last_, now);
  places_ = places;
}

bool Stays::MayStay(const StayReading& now) const {
  // From three quarters on, places are short (worker/process/crowding.h).
  const bool roomy = now.connections <= places_ - places_ / 4;
  const std::uint64_t busy_ns = now.busy_ns - before_.busy_ns;
  return roomy && now.threads == 0 && busy_ns <= kLittleNs + kSlowNs * (now.callbacks - before_.callbacks);
}

}  // namespace preforkd
