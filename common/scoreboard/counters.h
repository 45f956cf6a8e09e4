// The parts of the scoreboard: counters that one process writes and all read, and groups of them.
//
// Relaxed atomics with exactly one writing process each: no read-modify-write is needed, and a reader sees
// some recent value. For several values of the same moment: Scoreboard::ReadAtOneMoment.
#ifndef PREFORKD_COMMON_SCOREBOARD_COUNTERS_H_
#define PREFORKD_COMMON_SCOREBOARD_COUNTERS_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace preforkd {

using Counter = std::atomic<std::uint64_t>;
static_assert(Counter::is_always_lock_free);

// One writer for each counter: a plain load and store costs a tenth of an atomic addition.
inline void Add(Counter& counter, std::uint64_t amount = 1) {
  counter.store(counter.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
}
inline std::uint64_t Get(const Counter& counter) { return counter.load(std::memory_order_relaxed); }
inline void Set(Counter& counter, std::uint64_t value) { counter.store(value, std::memory_order_relaxed); }

// Counters change between two reads: a plain difference could be negative.
inline std::uint64_t Difference(std::uint64_t more, std::uint64_t less) {
  return more > less ? more - less : 0;
}

// Room for the counters of one kind of reason: a new reason moves no later field (board_layout.cc).
inline constexpr std::size_t kReasonRoom = 16;

// One counter for each value of an enumeration that counts from 0 to kSize - 1.
template <typename Kind, std::size_t kSize>
class CounterPer {
 public:
  static constexpr std::size_t size() { return kSize; }
  Counter& operator[](Kind kind) { return counters_[static_cast<std::size_t>(kind)]; }
  const Counter& operator[](Kind kind) const { return counters_[static_cast<std::size_t>(kind)]; }
  [[nodiscard]] std::uint64_t Sum() const {
    std::uint64_t sum = 0;
    for (const Counter& counter : counters_) sum += Get(counter);
    return sum;
  }

 private:
  static_assert(kSize <= kReasonRoom);
  std::array<Counter, kReasonRoom> counters_{};
};

}  // namespace preforkd

#endif
