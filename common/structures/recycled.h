// Recycled<T>: reuses the memory of ended T objects. For objects that every connection needs and that often
// live for one callback only: then the steady state needs no heap allocation.
//
// Single-threaded. Disabled under the sanitizers, so that they see every use after free.
#ifndef PREFORKD_COMMON_STRUCTURES_RECYCLED_H_
#define PREFORKD_COMMON_STRUCTURES_RECYCLED_H_

#include <cstddef>
#include <new>

namespace preforkd {

// Derive T from it, publicly: it supplies new and delete of T.
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
    // Freed: a class derived from T, or enough memory is kept already, after many connections at once have
    // gone.
    if (size != sizeof(T) || kept_count_ == kMaxKept) return ::operator delete(memory, size);
    kept_ = ::new (memory) Place{kept_};
    ++kept_count_;
  }

 private:
  static constexpr std::size_t kMaxKept = 16;

  struct Place {
    Place* next;
  };

  static inline Place* kept_ = nullptr;
  static inline std::size_t kept_count_ = 0;
#endif
};

}  // namespace preforkd

#endif
