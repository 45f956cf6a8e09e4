#include "common/files/small_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cstdint>
#include <optional>

#include "common/base/sys_error.h"
#include "common/base/unique_fd.h"
#include "common/base/whole_io.h"

namespace preforkd {

Result<std::string> ReadSmallFile(const std::string& path, std::size_t max_bytes) {
  // Non-blocking: opening a FIFO would wait for its writer.
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd.Valid()) return SysError("open");
  struct stat status {};
  if (::fstat(fd.Get(), &status) < 0) return SysError("stat");
  if (!S_ISREG(status.st_mode)) return Error{"is not a regular file"};
  const Error too_large{"is larger than " + std::to_string(max_bytes) + " bytes; write a smaller one"};
  if (static_cast<std::uint64_t>(status.st_size) > max_bytes) return too_large;
  // One byte more: it may have grown since.
  std::string bytes(max_bytes + 1, '\0');
  const std::optional<std::size_t> size = ReadAllAt(fd.Get(), bytes);
  if (!size) return SysError("read");
  if (*size > max_bytes) return too_large;
  bytes.resize(*size);
  bytes.shrink_to_fit();
  return bytes;
}

}  // namespace preforkd
