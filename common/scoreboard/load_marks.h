// LoadMarks: which slots have fewer connections than the master last saw. One bit a slot in shared memory, set by whoever
// has counted the end of a connection in the slot's row, taken by the master before it chooses a slot: so it reads the
// rows that have changed, and not all.
//
// A mark that a wild worker forges or takes away makes the master look once too often, or believe a slot to be busier
// than it is until the next connection there ends; nothing else.
#ifndef PREFORKD_COMMON_SCOREBOARD_LOAD_MARKS_H_
#define PREFORKD_COMMON_SCOREBOARD_LOAD_MARKS_H_

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "common/base/ids.h"

namespace preforkd {

class alignas(64) LoadMarks {
 public:
  static constexpr std::uint32_t kSlots = 1024;

  // After the row has been changed. Any process. Precondition: slot < kSlots.
  void Mark(Slot slot) {
    words_[Raw(slot) / 64].fetch_or(std::uint64_t{1} << (Raw(slot) % 64), std::memory_order_release);
  }

  // Calls `visit` with each slot below `slots` that was marked since the last time. Only by the master. A change that it
  // does not see now has not left its mark yet.
  template <typename Visit>
  void Take(std::uint32_t slots, Visit visit) {
    for (std::uint32_t base = 0; base < slots && base < kSlots; base += 64) {
      std::atomic<std::uint64_t>& word = words_[base / 64];
      if (word.load(std::memory_order_relaxed) == 0) continue;
      std::uint64_t bits = word.exchange(0, std::memory_order_acquire);
      for (; bits != 0; bits &= bits - 1) visit(Slot{base + static_cast<std::uint32_t>(std::countr_zero(bits))});
    }
  }

 private:
  std::array<std::atomic<std::uint64_t>, kSlots / 64> words_{};
};

}  // namespace preforkd

#endif
