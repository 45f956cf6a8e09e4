#include "worker/connection/heavy_luggage.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <utility>

#include "common/base/sys_error.h"
#include "common/wire/parcel.h"

namespace preforkd {

Result<UniqueFd> StoreHeavy(std::string_view bytes) {
  UniqueFd file(::memfd_create("preforkd-luggage", MFD_CLOEXEC));
  if (!file.Valid()) return SysError("memfd_create");
  while (!bytes.empty()) {
    const ssize_t size = ::write(file.Get(), bytes.data(), bytes.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return SysError("write");
    bytes.remove_prefix(static_cast<std::size_t>(size));
  }
  return file;
}

Result<std::string> LoadHeavy(int file) {
  struct stat status {};
  if (::fstat(file, &status) < 0) return SysError("fstat");
  // Reading anything else could wait.
  if (!S_ISREG(status.st_mode)) return Error{"it is not a file", 0};
  if (status.st_size < 0 || static_cast<std::size_t>(status.st_size) > kMaxHeavyBytes)
    return Error{"it is too large", 0};
  std::string bytes(static_cast<std::size_t>(status.st_size), '\0');
  for (std::size_t have = 0; have < bytes.size();) {
    const ssize_t size = ::pread(file, bytes.data() + have, bytes.size() - have, static_cast<off_t>(have));
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return SysError("pread");
    if (size == 0) return Error{"it has become shorter", 0};
    have += static_cast<std::size_t>(size);
  }
  return bytes;
}

}  // namespace preforkd
