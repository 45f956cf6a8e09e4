// Recycled<T>: the memory of a T that has ended serves the next one. For objects that every connection needs
// and that live for one callback when it is short: a steady state without the heap.
//
// One thread. Under the sanitizers it does nothing, so that they see every use after the end.
#ifndef PREFORKD_COMMON_STRUCTURES_RECYCLED_H_
#define PREFORKD_COMMON_STRUCTURES_RECYCLED_H_

#include <cstddef>
#include <new>

namespace preforkd {

// T derives from it, publicly: new and delete of a T are then these.
template <typename T>
class Recycled {
 public:
#ifndef PREFORKD_SANITIZED
  static void* operator new(std::size_t size) {
    if (size != sizeof(T) || kept_ == nullptr) return ::operator new(size);
    Place* const place = kept_;
    kept_ = place->next;
    --kept_count_;
    return place;
  }

  static void operator delete(void* memory, std::size_t size) noexcept {
    if (memory == nullptr) return;
    // One of a class that derives from T, or enough is kept: connections that all were there at once and have
    // gone.
    if (size != sizeof(T) || kept_count_ == kMostKept) return ::operator delete(memory, size);
    kept_ = ::new (memory) Place{kept_};
    ++kept_count_;
  }

 private:
  static constexpr std::size_t kMostKept = 16;

  struct Place {
    Place* next;
  };

  static inline Place* kept_ = nullptr;
  static inline std::size_t kept_count_ = 0;
#endif
};

}  // namespace preforkd

#endif
