// HeapTrim: gives memory back to the system when a process holds far fewer things than it once did. By itself malloc(3)
// gives back the top of the heap only, and what lies below one block that is still in use stays for ever.
#ifndef PREFORKD_COMMON_PROCESS_HEAP_TRIM_H_
#define PREFORKD_COMMON_PROCESS_HEAP_TRIM_H_

#include <cstddef>

namespace preforkd {

class HeapTrim {
 public:
  // Fewer than these, and there is nothing that would be worth the walk through the heap.
  static constexpr std::size_t kMany = 512;

  // To be called now and then. `held`: connections now; `most`: at any time since the last call, at least `held`. True
  // when it has looked for memory to give back (malloc_trim(3): some 100 us for each 10 MiB, and the next ones pay for
  // its return): the most since the last time were many, and less than half of them are left.
  bool Look(std::size_t held, std::size_t most);

 private:
  std::size_t most_ = 0;
};

}  // namespace preforkd

#endif
