// HeapCount: how often this binary took memory by operator new, and how much of it it holds. Whatever links
// this file has its operators in place of the library's. Single-threaded: the counts are plain numbers.
#ifndef PREFORKD_TESTS_SUPPORT_HEAP_COUNT_H_
#define PREFORKD_TESTS_SUPPORT_HEAP_COUNT_H_

#include <cstddef>

namespace preforkd::testing {

struct HeapCount {
  std::size_t allocations = 0;  // calls of operator new, of all its forms but those for an alignment
  std::size_t live = 0;         // bytes that they gave and that are not freed, as malloc counts them
};

const HeapCount& Heap();

}  // namespace preforkd::testing

#endif
