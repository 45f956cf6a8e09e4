#include "common/process/heap_trim.h"

#include <malloc.h>

#include <algorithm>

namespace preforkd {

bool HeapTrim::Check(std::size_t held, std::size_t most, Time now) {
  most_ = std::max(most_, most);
  if (most_ < kMany || held > most_ / 2 || now < not_before_) return false;
  most_ = held;
  const Time begin = Now();
  (void)::malloc_trim(0);
  not_before_ = now + 100 * (Now() - begin);
  return true;
}

}  // namespace preforkd
