// HeapTrim: returns memory to the system when a process holds far fewer objects than before. By itself
// malloc(3) returns only the top of the heap; memory below a block in use is never returned.
#ifndef PREFORKD_COMMON_PROCESS_HEAP_TRIM_H_
#define PREFORKD_COMMON_PROCESS_HEAP_TRIM_H_

#include <cstddef>
#include <cstdint>

#include "common/base/clock.h"

namespace preforkd {

class HeapTrim {
 public:
  // Below this number, trimming is not worth the walk through the heap: of a process that is small, and of
  // one that is not. A module may have a heap of gigabytes, where a walk is a pause that clients see.
  static constexpr std::size_t kMany = 64;
  static constexpr std::size_t kManyIfBig = 512;
  static constexpr std::uint64_t kSmallBytes = 64 << 20;

  // Call it now and then. `held`: connections now; `peak`: the highest number known since the last call, at
  // least `held`; `rss_bytes`: resident memory of the process. Trims, and returns true, if the peak since the
  // last trim was at least that many and no more than half of it is left. A trim walks through the whole heap
  // (malloc_trim(3): some 100 us for each 10 MiB), and takes longer the more it returns; trims take at most 1
  // % of the time.
  bool Check(std::size_t held, std::size_t peak, std::uint64_t rss_bytes, Time now);

 private:
  std::size_t peak_ = 0;
  Time not_before_{};
};

}  // namespace preforkd

#endif
