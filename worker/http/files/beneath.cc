#include "worker/http/files/beneath.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "common/base/sys_error.h"

namespace preforkd::http {
namespace {

// O_PATH gives a location, not an open file: it needs no permission to read the folder.
UniqueFd OpenPlace(const std::string& folder) {
  return UniqueFd(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
}

}  // namespace

bool IsShortage(int errnum) {
  switch (errnum) {
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EAGAIN:
    case EINTR: return true;
    default: return false;
  }
}

Result<Beneath> Beneath::Open(const std::string& folder) {
  UniqueFd fd = OpenPlace(folder);
  if (!fd.Valid()) return SysError("open", folder);
  Beneath beneath(std::move(fd));
  // O_PATH needs no search permission, and the kernel or a filter may lack openat2: check now.
  const Opened self = beneath.OpenFile(".");
  if (!self.fd.Valid() && self.errnum != EACCES) return SysErrorOf(self.errnum, "openat2", folder);
  return beneath;
}

int Beneath::Reopen(const std::string& folder) {
  UniqueFd fd = OpenPlace(folder);
  const int errnum = fd.Valid() ? 0 : errno;
  if (IsShortage(errnum)) return errnum;
  folder_ = std::move(fd);
  gone_ = errnum;
  return errnum;
}

Beneath::Opened Beneath::OpenFile(const char* path) const {
  return OpenAs(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
}

Beneath::Opened Beneath::Find(const char* path) const { return OpenAs(path, O_PATH | O_CLOEXEC); }

Beneath::Opened Beneath::OpenAs(const char* path, std::uint64_t flags) const {
  if (!folder_.Valid()) return {UniqueFd(), gone_};
  open_how how{};
  how.flags = flags;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  // EAGAIN: a rename happened while the kernel resolved "..", which only symlinks bring in here.
  constexpr int kAttempts = 4;
  long fd = -1;
  for (int attempt = 0; attempt < kAttempts && fd < 0; ++attempt) {
    fd = ::syscall(SYS_openat2, folder_.Get(), path, &how, sizeof(how));
    if (fd < 0 && errno != EAGAIN && errno != EINTR) break;
  }
  if (fd < 0) return {UniqueFd(), errno};
  return {UniqueFd(static_cast<int>(fd)), 0};
}

}  // namespace preforkd::http
