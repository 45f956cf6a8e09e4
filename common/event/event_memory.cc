#include "common/event/event_memory.h"

#include <event2/event.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <functional>

namespace preforkd {
namespace {

// The size of an entry of libevent's evmap. Other allocations of this size do no harm here.
struct alignas(16) Entry {
  std::array<std::byte, 16> bytes;
};

// One for each descriptor number up to the usual limit of a process. Pages are used only once touched.
// Further entries, if any, come from the heap.
constexpr std::size_t kEntries = 64 * 1024;
std::array<Entry, kEntries> g_entries;
std::atomic<std::size_t> g_used{0};  // never reused: libevent frees them with its event_base

bool IsEntry(const void* memory) {
  const std::less<const void*> before;
  return !before(memory, g_entries.data()) && before(memory, g_entries.data() + g_entries.size());
}

void* Allocate(std::size_t size) {
  if (size <= sizeof(Entry) && g_used.load(std::memory_order_relaxed) < kEntries) {
    const std::size_t index = g_used.fetch_add(1, std::memory_order_relaxed);
    if (index < kEntries) return &g_entries[index];
  }
  return std::malloc(size);
}

void Free(void* memory) {
  if (!IsEntry(memory)) std::free(memory);
}

void* Reallocate(void* memory, std::size_t size) {
  if (!IsEntry(memory)) return std::realloc(memory, size);
  if (size <= sizeof(Entry)) return memory;
  void* const larger = std::malloc(size);
  if (larger != nullptr) std::memcpy(larger, memory, sizeof(Entry));
  return larger;
}

}  // namespace

void KeepDescriptorEntriesApart() {
#ifndef PREFORKD_SANITIZED
  static const bool once = [] {
    ::event_set_mem_functions(&Allocate, &Reallocate, &Free);
    return true;
  }();
  (void)once;
#else
  (void)&Allocate, (void)&Reallocate, (void)&Free;
#endif
}

}  // namespace preforkd
