// Reading and writing all bytes: EINTR and parts are no matter for the caller. For regular files and memfds,
// and for a pipe that blocks, in a process that has nothing else to do.
#ifndef PREFORKD_COMMON_BASE_WHOLE_IO_H_
#define PREFORKD_COMMON_BASE_WHOLE_IO_H_

#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace preforkd {

// Waits until all is written. False: nobody reads, or another error; errno says which.
inline bool WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t size = ::write(fd, bytes.data(), bytes.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(size));
  }
  return true;
}

// Reads from `offset` until `into` is full or the file ends; returns how many bytes that are. The offset of
// the descriptor is neither used nor moved. nullopt: an error; errno says which.
inline std::optional<std::size_t> ReadAllAt(int fd, std::span<char> into, std::uint64_t offset = 0) {
  std::size_t done = 0;
  while (done < into.size()) {
    const ssize_t size =
        ::pread(fd, into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return std::nullopt;
    if (size == 0) break;
    done += static_cast<std::size_t>(size);
  }
  return done;
}

}  // namespace preforkd

#endif
