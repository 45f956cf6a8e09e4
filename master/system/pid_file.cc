#include "master/system/pid_file.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>
#include <utility>

#include "common/base/sys_error.h"

namespace preforkd {
namespace {

// More than a pid needs; the file system allocates a whole block anyway.
constexpr off_t kRoom = 32;
// Another server may remove its file between our open and our lock. Number of attempts.
constexpr int kAttempts = 10;

bool SameFile(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

// True if `path` refers to the file open as `fd`.
bool IsAt(int fd, const std::string& path) {
  struct stat ours {};
  struct stat there {};
  return ::fstat(fd, &ours) == 0 && ::lstat(path.c_str(), &there) == 0 && SameFile(ours, there);
}

// Error: another process holds the lock, or locking failed.
Status TakeLock(int fd, const std::string& path) {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  if (::fcntl(fd, F_SETLK, &lock) == 0) return {};
  const int errnum = errno;
  struct flock holder {};
  holder.l_type = F_WRLCK;
  holder.l_whence = SEEK_SET;
  const bool known = ::fcntl(fd, F_GETLK, &holder) == 0 && holder.l_type != F_UNLCK;
  if (known)
    return Error{fmt::format("{} is held by process {}, which is running", path, holder.l_pid), errnum};
  return SysErrorOf(errnum, "fcntl", path);
}

// Allocates space for the pid, so that the later write cannot fail. If the file system does not support that,
// Write reports the error.
Status Reserve(int fd, const std::string& path) {
  if (::fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, kRoom) == 0) return {};
  return errno == ENOSPC || errno == EDQUOT ? Status(SysError("fallocate", path)) : Status();
}

bool IsRegular(int fd) {
  struct stat info {};
  return ::fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
}

// True if the file is empty or holds a number and a newline, as a server writes it.
bool HoldsPidOrNothing(int fd) {
  std::array<char, kRoom + 1> text;
  const ssize_t size = ::pread(fd, text.data(), text.size(), 0);
  if (size < 0 || size > kRoom) return false;
  const std::string_view held(text.data(), static_cast<std::size_t>(size));
  return held.find_first_not_of("0123456789\n") == std::string_view::npos;
}

bool IsEmpty(int fd) {
  struct stat info {};
  return ::fstat(fd, &info) == 0 && info.st_size == 0;
}

}  // namespace

PidFile::PidFile(PidFile&& other) noexcept
    : path_(std::exchange(other.path_, {})), fd_(std::move(other.fd_)) {}

PidFile& PidFile::operator=(PidFile&& other) noexcept {
  Remove();
  path_ = std::exchange(other.path_, {});
  fd_ = std::move(other.fd_);
  return *this;
}

PidFile::~PidFile() { Remove(); }

void PidFile::Remove() {
  if (fd_.Valid() && IsAt(fd_.Get(), path_)) ::unlink(path_.c_str());
  fd_.Reset();
}

Result<PidFile> PidFile::Lock(const std::string& path) {
  PidFile file;
  if (path.empty()) return file;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644));
    if (!fd.Valid()) return SysError("open", path);
    // Never overwrite and remove anything but a pid file, such as /dev/null or the configuration.
    if (!IsRegular(fd.Get())) return Error{fmt::format("{} is not a regular file", path)};
    if (!HoldsPidOrNothing(fd.Get()))
      return Error{fmt::format("{} is not a pid file: it has other content", path)};
    if (Status status = TakeLock(fd.Get(), path); !status.Ok()) return status.Err();
    if (!IsAt(fd.Get(), path)) continue;
    if (Status status = Reserve(fd.Get(), path); !status.Ok()) {
      if (IsEmpty(fd.Get())) ::unlink(path.c_str());
      return status.Err();
    }
    file.path_ = path;
    file.fd_ = std::move(fd);
    return file;
  }
  return Error{fmt::format("{}: another process keeps removing it", path)};
}

PidFile PidFile::Restore(std::string path, UniqueFd fd) {
  PidFile file;
  file.path_ = std::move(path);
  file.fd_ = std::move(fd);
  return file;
}

Status PidFile::Write() {
  if (!fd_.Valid()) return {};
  const std::string text = fmt::format("{}\n", ::getpid());
  // Overwrite the old pid, then set the new length: the file is never empty in between.
  const ssize_t written = ::pwrite(fd_.Get(), text.data(), text.size(), 0);
  Status status;
  if (written < 0) {
    status = SysError("write", path_);
  } else if (written != static_cast<ssize_t>(text.size())) {
    status = SysErrorOf(ENOSPC, "write", path_);
  } else if (::ftruncate(fd_.Get(), written) < 0) {
    status = SysError("ftruncate", path_);
  }
  if (!status.Ok()) Remove();
  return status;
}

PidFile::Presence PidFile::Check() const {
  if (path_.empty()) return Presence::kOurs;
  struct stat there {};
  if (::lstat(path_.c_str(), &there) < 0) {
    return errno == ENOENT || errno == ENOTDIR ? Presence::kGone : Presence::kOurs;
  }
  return fd_.Valid() && IsAt(fd_.Get(), path_) ? Presence::kOurs : Presence::kReplaced;
}

bool PidFile::Holds(const std::string& path) const {
  return fd_.Valid() && !path.empty() && IsAt(fd_.Get(), path);
}

}  // namespace preforkd
