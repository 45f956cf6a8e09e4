// System calls of a worker that the filter has refused. A signal handler in the worker writes them, in any
// thread; the master reads and logs them. Part of a row of the scoreboard; all zero: none.
#ifndef PREFORKD_COMMON_SCOREBOARD_REFUSED_CALLS_H_
#define PREFORKD_COMMON_SCOREBOARD_REFUSED_CALLS_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "common/scoreboard/counters.h"

namespace preforkd {

struct RefusedCalls {
  // The number of different calls that are counted separately; others are counted together.
  static constexpr std::size_t kKinds = 8;
  struct Kind {
    Counter number{0};  // of the call, plus one; 0: this entry is free
    Counter count{0};
  };
  std::array<Kind, kKinds> kinds;
  Counter others{0};

  // Async-signal-safe, and safe with several threads.
  void Note(int number) {
    const auto key = static_cast<std::uint64_t>(number) + 1;
    for (Kind& kind : kinds) {
      std::uint64_t found = 0;
      if (kind.number.compare_exchange_strong(found, key, std::memory_order_relaxed) || found == key) {
        kind.count.fetch_add(1, std::memory_order_relaxed);
        return;
      }
    }
    others.fetch_add(1, std::memory_order_relaxed);
  }

  void Clear() {
    for (Kind& kind : kinds) {
      Set(kind.count, 0);
      Set(kind.number, 0);
    }
    Set(others, 0);
  }
};

}  // namespace preforkd

#endif
