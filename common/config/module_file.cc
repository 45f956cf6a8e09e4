#include "common/config/module_file.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>

#include <utility>

namespace preforkd {

ModuleFile ModuleFile::Open(const std::string& path) {
  // Non-blocking: opening a FIFO would wait for its writer.
  const UniqueFd opened(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat status {};
  ModuleFile file;
  if (!opened.Valid() || ::fstat(opened.Get(), &status) < 0 || !S_ISREG(status.st_mode)) return file;
  UniqueFd kept(::fcntl(opened.Get(), F_DUPFD_CLOEXEC, kLowestFd));
  if (kept.Valid()) file.fd_ = std::make_shared<const UniqueFd>(std::move(kept));
  return file;
}

bool ModuleFile::IsAt(const std::string& path) const {
  if (!Held()) return true;
  struct stat own {};
  struct stat there {};
  return ::fstat(Fd(), &own) == 0 && ::stat(path.c_str(), &there) == 0 && own.st_dev == there.st_dev &&
         own.st_ino == there.st_ino;
}

std::string ModuleFile::NameByFd() const { return fmt::format("/proc/self/fd/{}", Fd()); }

}  // namespace preforkd
