#include "master/upgrade/state/state_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstddef>
#include <optional>

#include "common/base/sys_error.h"
#include "common/base/whole_io.h"

namespace preforkd {
namespace {

constexpr const char* kName = "preforkd-upgrade";
constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

}  // namespace

Result<UniqueFd> WriteStateFile(const std::string& bytes) {
  UniqueFd file(::memfd_create(kName, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file.Valid()) return SysError("memfd_create", kName);
  if (!WriteAll(file.Get(), bytes)) return SysError("write", kName);
  // Sealed, so that the check and the exec read the same bytes.
  if (::fcntl(file.Get(), F_ADD_SEALS, kSeals) < 0) return SysError("fcntl", kName);
  return file;
}

Result<std::string> ReadStateFile(int fd) {
  const int seals = ::fcntl(fd, F_GET_SEALS);
  if (seals < 0 && errno != EINVAL) return SysError("fcntl", kName);  // EINVAL: the file cannot have seals
  if (seals != kSeals) return Error{"the file is not the saved state of a preforkd upgrade"};
  struct stat file {};
  if (::fstat(fd, &file) < 0) return SysError("fstat", kName);
  std::string bytes(static_cast<std::size_t>(file.st_size), '\0');
  const std::optional<std::size_t> read = ReadAllAt(fd, bytes);
  if (!read) return SysError("pread", kName);
  if (*read < bytes.size()) return Error{"the saved state is truncated"};
  return bytes;
}

}  // namespace preforkd
