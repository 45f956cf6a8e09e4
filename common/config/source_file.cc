// ReadSourceFile: the master that reloads also accepts connections, so it must never wait for a file.
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>

#include <cstddef>
#include <optional>

#include "common/base/result.h"
#include "common/base/sys_error.h"
#include "common/base/unique_fd.h"
#include "common/base/whole_io.h"
#include "common/config/draft.h"
#include "common/units/units.h"

namespace preforkd {
namespace {

constexpr std::size_t kMaxSize = 1024 * 1024;
// An editor that writes in place needs one more look; a file that changes at each of so many is refused.
constexpr int kMaxAttempts = 5;

const char* KindOf(mode_t mode) {
  if (S_ISDIR(mode)) return "a folder";
  if (S_ISFIFO(mode)) return "a FIFO";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

Result<struct stat> Look(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) < 0) return SysError("stat");
  if (!S_ISREG(status.st_mode)) {
    return Error{fmt::format("is {}; a configuration must be a regular file", KindOf(status.st_mode))};
  }
  if (static_cast<std::uint64_t>(status.st_size) > kMaxSize) {
    return Error{fmt::format("is {} bytes long; the maximum for a configuration is {}", status.st_size,
                             FormatSize(kMaxSize))};
  }
  return status;
}

bool SameContent(const struct stat& a, const struct stat& b) {
  return a.st_size == b.st_size && a.st_mtim.tv_sec == b.st_mtim.tv_sec &&
         a.st_mtim.tv_nsec == b.st_mtim.tv_nsec;
}

// Reads from the beginning, at most one byte more than allowed: that byte shows that the file is too large.
Result<std::string> ReadAll(int fd) {
  std::string bytes(kMaxSize + 1, '\0');
  const std::optional<std::size_t> length = ReadAllAt(fd, bytes);
  if (!length) return SysError("read");
  bytes.resize(*length);
  return bytes;
}

Result<std::string> ReadWhole(int fd) {
  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    const Result<struct stat> before = Look(fd);
    if (!before.Ok()) return before.Err();
    Result<std::string> bytes = ReadAll(fd);
    if (!bytes.Ok()) return bytes.Err();
    const Result<struct stat> after = Look(fd);
    if (!after.Ok()) return after.Err();
    const bool whole = bytes.Value().size() == static_cast<std::size_t>(before.Value().st_size);
    if (whole && SameContent(before.Value(), after.Value())) return bytes;
  }
  return Error{"changes while it is read; write a new file and rename it into place"};
}

}  // namespace

std::optional<std::string> ReadSourceFile(const std::string& path, Problems& problems) {
  // Non-blocking: opening a FIFO would wait for its writer.
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd.Valid()) {
    problems.Add({path}, "{}; name a readable configuration file", SysError("open").text);
    return std::nullopt;
  }
  Result<std::string> bytes = ReadWhole(fd.Get());
  if (bytes.Ok()) return std::move(bytes).Value();
  problems.Add({path, 1, 1}, "{}", bytes.Err().text);
  return std::nullopt;
}

}  // namespace preforkd
