// The preload of a module: it fills memory that the workers of its service share, copy-on-write, or, where
// that is not to be had, memory of the worker's own. What the server offers for it (pfd_host, "preload").
#ifndef PREFORKD_WORKER_MODULE_HOST_PRELOAD_H_
#define PREFORKD_WORKER_MODULE_HOST_PRELOAD_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "common/base/result.h"
#include "worker/api/module.h"

// At global scope, because module.h names it. Gives out memory from its beginning to its end; nothing is
// given back. One thread.
struct pfd_arena {
 public:
  // `memory`: whole pages, zero. It stays the caller's.
  explicit pfd_arena(std::span<std::byte> memory) : memory_(memory) {}

  // nullptr: there is not so much left, or `align` is no power of two or above 4096.
  void* Allocate(std::size_t size, std::size_t align);
  [[nodiscard]] std::size_t Used() const { return used_; }
  // More was asked for than there is.
  [[nodiscard]] bool Overrun() const { return overrun_; }
  [[nodiscard]] bool Holds(const void* place) const;
  // Of a place that it holds, counted from the beginning.
  [[nodiscard]] std::size_t OffsetOf(const void* place) const;

 private:
  std::span<std::byte> memory_;
  std::size_t used_ = 0;
  bool overrun_ = false;
};

namespace preforkd::module {

// Calls the module's preload. Returns the root that it has set, which lies in what it has allocated. Error:
// why it failed, what it threw, or that the arena is too small. Precondition: HasPreload(table).
Result<void*> RunPreload(const pfd_module& table, const pfd_host& host, pfd_service& service,
                         pfd_arena& arena);

void* HostAllocate(pfd_arena* arena, std::size_t size, std::size_t align);
void* HostPreloaded(pfd_service* service, std::size_t* size);

}  // namespace preforkd::module

#endif
