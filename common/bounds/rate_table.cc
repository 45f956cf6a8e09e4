#include "common/bounds/rate_table.h"

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

}  // namespace

std::optional<Duration> RateTable::Take(std::uint64_t hash, std::uint32_t per_second, std::uint32_t at_once,
                                        Time now) {
  const std::uint64_t now_ticks = (static_cast<std::uint64_t>(ToNanoseconds(now)) >> kTickShift) & kTimeMask;
  const std::uint64_t each = (kTicksPerSecond + per_second / 2) / per_second;
  const std::uint64_t most = each * at_once;
  const std::uint64_t tag = hash >> kTimeBits;
  std::atomic<std::uint64_t>* const set = &cells_[hash % (kCells / kSet) * kSet];
  for (int tries = 0; tries < kTries; ++tries) {
    std::atomic<std::uint64_t>* place = nullptr;
    std::uint64_t seen = 0;
    std::uint64_t ahead = ~std::uint64_t{0};
    bool own = false;
    for (std::size_t i = 0; i < kSet && !own; ++i) {
      const std::uint64_t cell = set[i].load(std::memory_order_relaxed);
      const std::uint64_t reaches = Ahead(cell, now_ticks);
      own = reaches > 0 && cell >> kTimeBits == tag;
      if (!own && reaches >= ahead) continue;
      place = &set[i];
      seen = cell;
      ahead = reaches;
    }
    if (!own) ahead = 0;
    if (ahead + each > most) return Duration(static_cast<Duration::rep>((ahead + each - most) << kTickShift));
    const std::uint64_t next = tag << kTimeBits | ((now_ticks + ahead + each) & kTimeMask);
    if (place->compare_exchange_weak(seen, next, std::memory_order_relaxed)) return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace preforkd
