#include "worker/gate/wiping_memory.h"

#include <gnutls/gnutls.h>
#include <malloc.h>
#include <string.h>  // explicit_bzero

#include <algorithm>
#include <cstddef>
#include <cstdlib>

namespace preforkd {
namespace {

// GnuTLS gives and takes what malloc(3) makes: blocks from before keep their meaning.
void Free(void* block) {
  if (block == nullptr) return;
  ::explicit_bzero(block, ::malloc_usable_size(block));
  std::free(block);
}

void* Reallocate(void* block, std::size_t size) {
  const std::size_t before = block != nullptr ? ::malloc_usable_size(block) : 0;
  if (block != nullptr && size > 0 && size <= before) return block;
  void* const larger = std::malloc(size);
  if (larger == nullptr || block == nullptr) return larger;
  ::memcpy(larger, block, std::min(before, size));
  Free(block);
  return larger;
}

}  // namespace

void WipeWhatGnutlsFrees() {
  gnutls_free = Free;
  gnutls_realloc = Reallocate;
}

}  // namespace preforkd
