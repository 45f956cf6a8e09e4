#include "master/pid_file.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "common/base/sys_error.h"

namespace preforkd {

PidFile::~PidFile() {
  if (!fd_.Valid()) return;
  struct stat ours {};
  struct stat there {};
  const bool same = ::fstat(fd_.Get(), &ours) == 0 && ::lstat(path_.c_str(), &there) == 0 &&
                    ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
  if (same) ::unlink(path_.c_str());
}

Result<PidFile> PidFile::Lock(const std::string& path) {
  PidFile file;
  if (path.empty()) return file;
  file.fd_ = UniqueFd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!file.fd_.Valid()) return SysError("open", path);
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  if (::fcntl(file.fd_.Get(), F_SETLK, &lock) < 0) {
    const int errnum = errno;
    struct flock holder {};
    holder.l_type = F_WRLCK;
    holder.l_whence = SEEK_SET;
    const bool known = ::fcntl(file.fd_.Get(), F_GETLK, &holder) == 0 && holder.l_type != F_UNLCK;
    file.fd_.Reset();  // not ours: the destructor must not remove it
    if (known) return Error{fmt::format("{} is held by process {}, which is running", path, holder.l_pid), errnum};
    return SysErrorOf(errnum, "fcntl", path);
  }
  file.path_ = path;
  return file;
}

PidFile PidFile::Inherit(std::string path, UniqueFd fd) {
  PidFile file;
  file.path_ = std::move(path);
  file.fd_ = std::move(fd);
  return file;
}

Status PidFile::Write() {
  if (!fd_.Valid()) return {};
  const std::string text = fmt::format("{}\n", ::getpid());
  if (::ftruncate(fd_.Get(), 0) < 0) return SysError("ftruncate", path_);
  if (::pwrite(fd_.Get(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
    return SysError("write", path_);
  }
  return {};
}

}  // namespace preforkd
