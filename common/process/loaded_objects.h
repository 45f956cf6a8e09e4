// The shared objects that this process has opened itself, so that a signal handler can name an address in
// them: the master does not have them, and dladdr(3) takes a lock that the interrupted code may hold.
#ifndef PREFORKD_COMMON_PROCESS_LOADED_OBJECTS_H_
#define PREFORKD_COMMON_PROCESS_LOADED_OBJECTS_H_

#include <cstddef>
#include <cstdint>
#include <string>

namespace preforkd {

// dlopen(3) with RTLD_NOW and RTLD_LOCAL: runs constructors, and never to be closed. Notes where the object
// and those that came with it lie, as far as the table has room. `file`: what is opened. `path`: whose last
// part is its name in traces. nullptr: see dlerror(3). One thread only.
void* OpenLibrary(const std::string& file, const std::string& path);

// Writes "name+0x1c (shop.so+0x1234)", or "shop.so+0x1234" if the object exports no function there, without a
// NUL. Returns the bytes written, at most `room`; 0: the address is in no object of the table. `called`: the
// address is that behind a call, which may belong to the next function. Async-signal-safe.
std::size_t NameAddress(std::uintptr_t address, bool called, char* into, std::size_t room);

}  // namespace preforkd

#endif
