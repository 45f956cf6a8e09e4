#include "common/base/file_tail.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace preforkd {
namespace {

std::uint64_t SizeOf(int fd) {
  struct stat file {};
  return ::fstat(fd, &file) == 0 ? static_cast<std::uint64_t>(file.st_size) : 0;
}

}  // namespace

std::string ReadAt(int fd, std::uint64_t offset, std::size_t size) {
  std::string text(size, '\0');
  std::size_t got = 0;
  while (got < size) {
    const ssize_t count = ::pread(fd, text.data() + got, size - got, static_cast<off_t>(offset + got));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    got += static_cast<std::size_t>(count);
  }
  text.resize(got);
  return text;
}

bool EndsWithLine(int fd) {
  const std::uint64_t size = SizeOf(fd);
  return size > 0 && ReadAt(fd, size - 1, 1) == "\n";
}

bool TakeBack(int fd, std::string_view written, std::size_t torn) {
  const std::uint64_t size = SizeOf(fd);
  if (size < written.size() || ReadAt(fd, size - written.size(), written.size()) != written) return false;
  return ::ftruncate(fd, static_cast<off_t>(size - torn)) == 0;
}

}  // namespace preforkd
