#include "worker/connection/heavy_luggage.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <cstddef>
#include <optional>

#include "common/base/sys_error.h"
#include "common/base/whole_io.h"
#include "common/wire/parcel.h"

namespace preforkd {

Result<UniqueFd> StoreHeavy(std::string_view bytes) {
  UniqueFd file(::memfd_create("preforkd-luggage", MFD_CLOEXEC));
  if (!file.Valid()) return SysError("memfd_create");
  if (!WriteAll(file.Get(), bytes)) return SysError("write");
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
  const std::optional<std::size_t> have = ReadAllAt(file, bytes);
  if (!have) return SysError("pread");
  if (*have < bytes.size()) return Error{"it has become shorter", 0};
  return bytes;
}

}  // namespace preforkd
