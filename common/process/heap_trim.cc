#include "common/process/heap_trim.h"

#include <malloc.h>

#include <algorithm>

namespace preforkd {

bool HeapTrim::Look(std::size_t held, std::size_t most) {
  most_ = std::max(most_, most);
  if (most_ < kMany || held > most_ / 2) return false;
  most_ = held;
  (void)::malloc_trim(0);
  return true;
}

}  // namespace preforkd
