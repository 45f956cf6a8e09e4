#include "common/process/heap_trim.h"

#include <malloc.h>

#include <algorithm>

namespace preforkd {

bool HeapTrim::Check(std::size_t held, std::size_t peak, Time now) {
  peak_ = std::max(peak_, peak);
  if (peak_ < many_ || held > peak_ / 2 || now < not_before_) return false;
  peak_ = held;
  const Time begin = Now();
  (void)::malloc_trim(0);
  const Duration walk = Now() - begin;
  many_ = walk > kShort ? kManyForLong : kMany;
  not_before_ = now + 100 * walk;
  return true;
}

}  // namespace preforkd
