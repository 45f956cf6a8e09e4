// DeadlineHeap: a min-heap of deadlines. Pure. An entry knows its position, so that it can be removed at any
// time; the heap itself uses eight bytes for each.
#ifndef PREFORKD_COMMON_STRUCTURES_DEADLINE_HEAP_H_
#define PREFORKD_COMMON_STRUCTURES_DEADLINE_HEAP_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/base/clock.h"

namespace preforkd {

class DeadlineHeap {
 public:
  // The base class of objects with a deadline. While it is in the heap, it must not move and `at` must not
  // change.
  class Entry {
   public:
    Time at{};

   private:
    friend class DeadlineHeap;
    static constexpr std::uint32_t kNowhere = ~std::uint32_t{0};
    std::uint32_t place_ = kNowhere;
  };

  // Precondition: it is in no heap.
  void Add(Entry& entry);
  // No effect if it is not in the heap.
  void Remove(Entry& entry);
  // If several have the same deadline, any of them; nullptr if the heap is empty.
  [[nodiscard]] Entry* Earliest() const { return entries_.empty() ? nullptr : entries_.front(); }
  [[nodiscard]] std::size_t Size() const { return entries_.size(); }

 private:
  void Put(std::size_t place, Entry& entry);
  // Moves `entry` from the free position `place` to where it belongs.
  void Rise(std::size_t place, Entry& entry);
  void Sink(std::size_t place, Entry& entry);

  std::vector<Entry*> entries_;  // a min-heap: the parent of `place` is at (place - 1) / 2
};

}  // namespace preforkd

#endif
