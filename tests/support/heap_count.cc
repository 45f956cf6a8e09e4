#include "tests/support/heap_count.h"

#include <malloc.h>

#include <cstdlib>
#include <new>

namespace {

preforkd::testing::HeapCount g_heap;

void* Take(std::size_t size) noexcept {
  ++g_heap.allocations;
  void* const memory = std::malloc(size);
  if (memory != nullptr) g_heap.live += ::malloc_usable_size(memory);
  return memory;
}

void* TakeOrThrow(std::size_t size) {
  if (void* const memory = Take(size); memory != nullptr) return memory;
  throw std::bad_alloc();
}

void Free(void* memory) noexcept {
  g_heap.live -= ::malloc_usable_size(memory);
  std::free(memory);
}

}  // namespace

// All of them: a sanitizer has its own forms of those that are not here, and reports memory that one of its
// forms gave and one of ours frees.
void* operator new(std::size_t size) { return TakeOrThrow(size); }
void* operator new[](std::size_t size) { return TakeOrThrow(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return Take(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return Take(size); }
void operator delete(void* memory) noexcept { Free(memory); }
void operator delete[](void* memory) noexcept { Free(memory); }
void operator delete(void* memory, std::size_t) noexcept { Free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { Free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { Free(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { Free(memory); }

namespace preforkd::testing {

const HeapCount& Heap() { return g_heap; }

}  // namespace preforkd::testing
