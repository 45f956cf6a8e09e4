// PreloadedData: what the module under test preloads, in this process. One for each loaded module, made
// before its states. What a server would throw away is still there, so a pointer out of the data is not
// noticed here: a test with the real server notices it.
#ifndef PREFORKD_TESTING_PRELOAD_HPP
#define PREFORKD_TESTING_PRELOAD_HPP

#include <cstddef>
#include <cstring>
#include <memory_resource>
#include <new>

#include "../module.h"

namespace pfd::testing::detail {

class PreloadedData {
 public:
  void set_max(std::size_t bytes) { max_ = bytes; }
  void set_root(void* root) { root_ = root; }
  [[nodiscard]] void* root() const { return root_; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] pfd_arena* arena() { return reinterpret_cast<pfd_arena*>(this); }

  // As pfd_host::allocate.
  static void* allocate(pfd_arena* arena, std::size_t size, std::size_t align) {
    auto& data = *reinterpret_cast<PreloadedData*>(arena);
    if (size > data.max_ - data.size_ || align > 4096 || align == 0 || (align & (align - 1)) != 0)
      return nullptr;
    data.size_ += size;
    return std::memset(data.memory_.allocate(size, align), 0, size);
  }

 private:
  std::pmr::monotonic_buffer_resource memory_{std::pmr::new_delete_resource()};
  std::size_t max_ = 0;
  std::size_t size_ = 0;
  void* root_ = nullptr;
};

}  // namespace pfd::testing::detail

#endif
