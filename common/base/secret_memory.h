// Secret memory: what lies in it is not copied into a child by fork(2), and is in no core dump.
//
// A worker is a copy of the master at the moment of its fork, so anything secret elsewhere in the master
// would be readable in every later worker. In a child this memory reads as zeros (madvise(2),
// MADV_WIPEONFORK), and so do its own lists: a child begins with LeaveSecretMemory(), and frees no block of
// the master's. In a worker it holds the keys of live connections: a core is for those who debug a module.
//
// One thread. Blocks are wiped when they are freed. Memory of freed blocks is used again, and never returned.
#ifndef PREFORKD_COMMON_BASE_SECRET_MEMORY_H_
#define PREFORKD_COMMON_BASE_SECRET_MEMORY_H_

#include <cstddef>

namespace preforkd {

// For a child, before it allocates here.
void LeaveSecretMemory();
// At least `size` bytes, not initialised. Throws std::bad_alloc.
char* AllocateSecret(std::size_t size);
// `size` as it was allocated.
void FreeSecret(char* block, std::size_t size);

}  // namespace preforkd

#endif
