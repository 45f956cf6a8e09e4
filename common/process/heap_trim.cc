#include "common/process/heap_trim.h"

#include <malloc.h>

#include <algorithm>

namespace preforkd {

bool HeapTrim::Check(std::size_t held, std::size_t peak, std::uint64_t rss_bytes, Time now) {
  peak_ = std::max(peak_, peak);
  if (peak_ < (rss_bytes < kSmallBytes ? kMany : kManyIfBig) || held > peak_ / 2 || now < not_before_)
    return false;
  peak_ = held;
  const Time begin = Now();
  (void)::malloc_trim(0);
  not_before_ = now + 100 * (Now() - begin);
  return true;
}

}  // namespace preforkd
