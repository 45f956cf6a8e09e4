// SecretBytes: bytes that are wiped when their memory is given back: keys, and packets that carry them.
//
// Wiping happens in the allocator, so a move, a shrink and a throw leave no copy behind. It does not protect
// what is copied elsewhere: read a secret through a view, and never into a string.
#ifndef PREFORKD_COMMON_BASE_SECRET_BYTES_H_
#define PREFORKD_COMMON_BASE_SECRET_BYTES_H_

#include <string.h>  // explicit_bzero
#include <cstddef>
#include <memory>
#include <vector>

namespace preforkd {

template <typename T>
struct WipingAllocator {
  using value_type = T;

  WipingAllocator() = default;
  template <typename Other>
  WipingAllocator(const WipingAllocator<Other>&) {}  // NOLINT: a rebound allocator converts

  T* allocate(std::size_t count) { return std::allocator<T>().allocate(count); }
  void deallocate(T* place, std::size_t count) {
    ::explicit_bzero(static_cast<void*>(place), count * sizeof(T));
    std::allocator<T>().deallocate(place, count);
  }

  bool operator==(const WipingAllocator&) const = default;
};

// A vector and not a string: a short string lies in the object itself, where no allocator wipes it.
using SecretBytes = std::vector<char, WipingAllocator<char>>;

}  // namespace preforkd

#endif
