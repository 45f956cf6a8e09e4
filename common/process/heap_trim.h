// HeapTrim: gives memory back to the system when a process holds far fewer things than it once did. By itself
// malloc(3) gives back the top of the heap only, and what lies below one block that is still in use stays for
// ever.
#ifndef PREFORKD_COMMON_PROCESS_HEAP_TRIM_H_
#define PREFORKD_COMMON_PROCESS_HEAP_TRIM_H_

#include <cstddef>

#include "common/base/clock.h"

namespace preforkd {

class HeapTrim {
 public:
  // Fewer than these, and there is nothing that would be worth the walk through the heap.
  static constexpr std::size_t kMany = 512;

  // To be called now and then. `held`: connections now; `most`: as far as is known, since the last call; at
  // least `held`. True when it has looked for memory to give back: the most since it last did were many, and
  // less than half of them are left. That walks through the whole heap (malloc_trim(3): some 100 us for each
  // 10 MiB); it takes a hundredth of the time at most.
  bool Check(std::size_t held, std::size_t most, Time now);

 private:
  std::size_t most_ = 0;
  Time not_before_{};
};

}  // namespace preforkd

#endif
