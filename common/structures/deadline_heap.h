// DeadlineHeap: who is due first. Pure. An entry knows its place, so that it can leave at any time; the heap
// itself has eight bytes for each.
#ifndef PREFORKD_COMMON_STRUCTURES_DEADLINE_HEAP_H_
#define PREFORKD_COMMON_STRUCTURES_DEADLINE_HEAP_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/base/clock.h"

namespace preforkd {

class DeadlineHeap {
 public:
  // A base of what has a deadline. Must stay where it is, with `at` unchanged, while it is in the heap.
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
  // No effect when it is not in it.
  void Remove(Entry& entry);
  // Of those with the same deadline, any; nullptr when there is none.
  [[nodiscard]] Entry* Earliest() const { return entries_.empty() ? nullptr : entries_.front(); }
  [[nodiscard]] std::size_t Size() const { return entries_.size(); }

 private:
  void Put(std::size_t place, Entry& entry);
  // Moves `entry`, for which `place` is free, to where it belongs.
  void Rise(std::size_t place, Entry& entry);
  void Sink(std::size_t place, Entry& entry);

  std::vector<Entry*> entries_;  // nobody is due before the parent, at (place - 1) / 2
};

}  // namespace preforkd

#endif
