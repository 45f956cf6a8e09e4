// WriteAll: for a pipe that blocks, and for a process that has nothing else to do.
#ifndef PREFORKD_COMMON_BASE_WRITE_ALL_H_
#define PREFORKD_COMMON_BASE_WRITE_ALL_H_

#include <unistd.h>

#include <cerrno>
#include <string_view>

namespace preforkd {

// Waits until all is written. False: nobody reads, or another error.
inline bool WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t size = ::write(fd, bytes.data(), bytes.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(size));
  }
  return true;
}

}  // namespace preforkd

#endif
