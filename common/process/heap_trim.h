// HeapTrim: returns memory to the system when a process holds far fewer objects than before. By itself
// malloc(3) returns only the top of the heap; memory below a block in use is never returned.
#ifndef PREFORKD_COMMON_PROCESS_HEAP_TRIM_H_
#define PREFORKD_COMMON_PROCESS_HEAP_TRIM_H_

#include <cstddef>

#include "common/base/clock.h"

namespace preforkd {

class HeapTrim {
 public:
  // Below this number, trimming is not worth the walk through the heap: a short one, and a long one. A module
  // may have a heap of gigabytes, where a walk is a pause that clients see.
  static constexpr std::size_t kMany = 64;
  static constexpr std::size_t kManyForLong = 512;
  static constexpr Duration kShort = std::chrono::milliseconds(1);

  // Call it now and then. `held`: connections now; `peak`: the highest number known since the last call, at
  // least `held`. Trims, and returns true, if the peak since the last trim was at least kMany and no more
  // than half of it is left. A trim walks through the whole heap (malloc_trim(3): some 100 us for each 10
  // MiB); trims take at most 1 % of the time.
  bool Check(std::size_t held, std::size_t peak, Time now);

 private:
  std::size_t peak_ = 0;
  std::size_t many_ = kMany;  // by the last walk
  Time not_before_{};
};

}  // namespace preforkd

#endif
