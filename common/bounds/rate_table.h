// RateTable: how often each client may do something in a second, and how often at once. Fixed memory, shared
// by all processes, no lock.
//
// One cell is one word: which client (22 bits of its hash), and until when its use reaches (GCRA: each use
// takes 1/rate, and may reach two seconds ahead, less if fewer may come at once). A cell that reaches no
// further than now says the same as no cell, so it is free without anybody clearing it. If all eight cells of
// a set are in use, the one that reaches least far gives way: a client at its bound reaches furthest, so it
// cannot have its own cell forgotten by filling the table. All zero is an empty table.
//
// Every worker can write here, so one that was taken over can write anything. It is believed for three
// seconds at most: what reaches further ahead than any use can is cleared by the first who looks at its set.
//
// Error: a use that is taken is taken by one compare-and-swap, so processes together count exactly. Two
// clients of one set share a cell with a chance of 8 in 2^22. 1/rate is rounded to 8 ns: at the highest rate
// less than 0.5 %. A cell whose set nobody has looked at for 9.7 hours may look used for the two
// seconds after that.
#ifndef PREFORKD_COMMON_BOUNDS_RATE_TABLE_H_
#define PREFORKD_COMMON_BOUNDS_RATE_TABLE_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>

#include "common/base/clock.h"

namespace preforkd {

class RateTable {
 public:
  static constexpr std::size_t kCells = std::size_t{1} << 14;
  static constexpr std::uint32_t kMaxPerSecond = 1'000'000;

  // Takes one use for the client with that hash. nullopt: it may. Else nothing was taken, and it may after
  // that time. Precondition: 1 <= per_second <= kMaxPerSecond, 1 <= at_once <= 2 * per_second.
  std::optional<Duration> Take(std::uint64_t hash, std::uint32_t per_second, std::uint32_t at_once, Time now);
  // The same answer, and takes nothing.
  std::optional<Duration> Look(std::uint64_t hash, std::uint32_t per_second, std::uint32_t at_once, Time now);

 private:
  static constexpr std::size_t kSet = 8;  // a cache line

  // The cell of a client, or the one that gives way for it.
  struct Found {
    std::atomic<std::uint64_t>* place = nullptr;
    std::uint64_t seen = 0;   // in that place
    std::uint64_t ahead = 0;  // how far the client's use reaches
  };
  Found Find(std::uint64_t hash, std::uint64_t now);

  alignas(64) std::array<std::atomic<std::uint64_t>, kCells> cells_{};
};

}  // namespace preforkd

#endif
