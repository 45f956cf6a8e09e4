#include "common/base/secret_memory.h"

#include <string.h>  // explicit_bzero
#include <sys/mman.h>

#include <memory_resource>
#include <new>

namespace preforkd {
namespace {

// Whole mappings with the two properties.
class Mappings final : public std::pmr::memory_resource {
  void* do_allocate(std::size_t size, std::size_t /*alignment: at most a page*/) override {
    void* const place = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (place == MAP_FAILED) throw std::bad_alloc();
    if (::madvise(place, size, MADV_WIPEONFORK) < 0 || ::madvise(place, size, MADV_DONTDUMP) < 0) {
      ::munmap(place, size);
      throw std::bad_alloc();
    }
    return place;
  }
  void do_deallocate(void* place, std::size_t size, std::size_t) override { ::munmap(place, size); }
  [[nodiscard]] bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
    return this == &other;
  }
};

// Small chunks: what a thousand connections need should not cost the memory of two thousand.
constexpr std::pmr::pool_options kPools{.max_blocks_per_chunk = 128, .largest_required_pool_block = 4096};

// Never destroyed: a child that exits must not walk through lists that it does not have.
std::pmr::memory_resource* g_pool = nullptr;

std::pmr::memory_resource& Pool() {
  static auto* const mappings = new Mappings;
  if (g_pool == nullptr) g_pool = new std::pmr::unsynchronized_pool_resource(kPools, mappings);
  return *g_pool;
}

}  // namespace

void LeaveSecretMemory() { g_pool = nullptr; }

char* AllocateSecret(std::size_t size) { return static_cast<char*>(Pool().allocate(size, 1)); }

void FreeSecret(char* block, std::size_t size) {
  ::explicit_bzero(block, size);
  Pool().deallocate(block, size, 1);
}

}  // namespace preforkd
