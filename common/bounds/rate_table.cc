#include "common/bounds/rate_table.h"

#include <algorithm>

namespace preforkd {
namespace {

// A tick is 8 ns.
constexpr int kTickShift = 3;
constexpr std::uint64_t kTicksPerSecond = 1'000'000'000 >> kTickShift;
constexpr int kTimeBits = 42;
constexpr std::uint64_t kTimeMask = (std::uint64_t{1} << kTimeBits) - 1;
// More than any client may reach ahead: two seconds' worth, rounded.
constexpr std::uint64_t kMaxAhead = 3 * kTicksPerSecond;
static_assert(kTicksPerSecond / RateTable::kMaxPerSecond >= 100, "the highest rate is exact to 0.5 %");
// Others change the set at the same time only now and then; a client must not wait for them.
constexpr int kTries = 64;

// How far the cell reaches beyond now; 0: not at all.
std::uint64_t Ahead(std::uint64_t cell, std::uint64_t now) {
  const std::uint64_t ahead = ((cell & kTimeMask) - now) & kTimeMask;
  return ahead <= kMaxAhead ? ahead : 0;
}

// No use reaches there: it was written by a worker that is not in its right mind, or is hours old. It would
// be believed when that time comes.
bool IsAbsurd(std::uint64_t cell, std::uint64_t now) {
  const std::uint64_t ahead = ((cell & kTimeMask) - now) & kTimeMask;
  return cell != 0 && ahead > kMaxAhead && ahead <= kTimeMask / 2;
}

std::uint64_t TicksOf(Time now) {
  return (static_cast<std::uint64_t>(ToNanoseconds(now)) >> kTickShift) & kTimeMask;
}

// One use takes so long.
std::uint64_t TicksOfOne(std::uint32_t per_second) { return (kTicksPerSecond + per_second / 2) / per_second; }

std::uint64_t TagOf(std::uint64_t hash) { return hash >> kTimeBits; }

// How long to wait for one more use.
std::optional<Duration> WaitOf(std::uint64_t ahead, std::uint64_t each, std::uint32_t at_once) {
  const std::uint64_t most = each * at_once;
  if (ahead + each <= most) return std::nullopt;
  return Duration(static_cast<Duration::rep>((ahead + each - most) << kTickShift));
}

}  // namespace

RateTable::Found RateTable::Find(std::uint64_t hash, std::uint64_t now) {
  std::atomic<std::uint64_t>* const set = &cells_[hash % (kCells / kSet) * kSet];
  Found found;
  std::uint64_t least = ~std::uint64_t{0};
  for (std::size_t i = 0; i < kSet; ++i) {
    std::uint64_t cell = set[i].load(std::memory_order_relaxed);
    if (IsAbsurd(cell, now) && set[i].compare_exchange_strong(cell, 0, std::memory_order_relaxed)) cell = 0;
    const std::uint64_t reaches = Ahead(cell, now);
    const bool own = reaches > 0 && cell >> kTimeBits == TagOf(hash);
    if (own || reaches < least) found = {&set[i], cell, own ? reaches : 0};
    if (own) break;
    least = std::min(least, reaches);
  }
  return found;
}

std::optional<Duration> RateTable::Look(std::uint64_t hash, std::uint32_t per_second, std::uint32_t at_once,
                                        Time now) {
  return WaitOf(Find(hash, TicksOf(now)).ahead, TicksOfOne(per_second), at_once);
}

std::optional<Duration> RateTable::Take(std::uint64_t hash, std::uint32_t per_second, std::uint32_t at_once,
                                        Time now) {
  const std::uint64_t now_ticks = TicksOf(now);
  const std::uint64_t each = TicksOfOne(per_second);
  for (int tries = 0; tries < kTries; ++tries) {
    Found found = Find(hash, now_ticks);
    if (const auto wait = WaitOf(found.ahead, each, at_once)) return wait;
    const std::uint64_t next = TagOf(hash) << kTimeBits | ((now_ticks + found.ahead + each) & kTimeMask);
    if (found.place->compare_exchange_weak(found.seen, next, std::memory_order_relaxed)) return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace preforkd
