// LoadMarks: which slots have fewer connections, or more or fewer free application threads, than the master
// last saw. One bit for each slot in shared memory. A process that has counted the end of a connection or a
// change of a thread in a slot's row sets it; the master takes it before it chooses a slot. So the master
// reads only the rows that have changed.
//
// A misbehaving worker may set or clear marks. Then the master reads a row for nothing, or takes a slot for
// busier or freer than it is until its next connection ends; nothing worse.
#ifndef PREFORKD_COMMON_SCOREBOARD_LOAD_MARKS_H_
#define PREFORKD_COMMON_SCOREBOARD_LOAD_MARKS_H_

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "common/base/ids.h"

namespace preforkd {

// Slots as bits: those that one reader of the marks is responsible for.
class SlotSet {
 public:
  static constexpr std::uint32_t kSlots = 1024;

  // Precondition: slot < kSlots.
  void Add(Slot slot) { words_[Raw(slot) / 64] |= Bit(slot); }
  void Remove(Slot slot) { words_[Raw(slot) / 64] &= ~Bit(slot); }
  [[nodiscard]] std::uint64_t Word(std::size_t index) const { return words_[index]; }

 private:
  static std::uint64_t Bit(Slot slot) { return std::uint64_t{1} << (Raw(slot) % 64); }

  std::array<std::uint64_t, kSlots / 64> words_{};
};

class alignas(64) LoadMarks {
 public:
  static constexpr std::uint32_t kSlots = SlotSet::kSlots;

  // Call it after changing the row. Any process. Precondition: slot < kSlots.
  void Mark(Slot slot) {
    words_[Raw(slot) / 64].fetch_or(std::uint64_t{1} << (Raw(slot) % 64), std::memory_order_release);
  }

  // Calls `visit` with each slot of `slots` that was marked since the last call. Only by the master. A change
  // that it misses now sets its mark later.
  template <typename Visit>
  void Take(const SlotSet& slots, Visit visit) {
    for (std::uint32_t i = 0; i < words_.size(); ++i) {
      if ((words_[i].load(std::memory_order_relaxed) & slots.Word(i)) == 0) continue;
      std::uint64_t bits = words_[i].fetch_and(~slots.Word(i), std::memory_order_acquire) & slots.Word(i);
      for (; bits != 0; bits &= bits - 1)
        visit(Slot{i * 64 + static_cast<std::uint32_t>(std::countr_zero(bits))});
    }
  }

 private:
  std::array<std::atomic<std::uint64_t>, kSlots / 64> words_{};
};

}  // namespace preforkd

#endif
