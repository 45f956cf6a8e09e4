#include "worker/http/beneath.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "common/base/sys_error.h"

namespace preforkd::http {

Result<Beneath> Beneath::Open(const std::string& folder) {
  UniqueFd fd(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!fd.Valid()) return SysError("open", folder);
  Beneath beneath(std::move(fd));
  // O_PATH needs no permission to enter, and a kernel or a filter may lack openat2: find out now.
  const Opened self = beneath.OpenFile(".");
  if (!self.fd.Valid() && self.errnum != EACCES) return SysErrorOf(self.errnum, "openat2", folder);
  return beneath;
}

Beneath::Opened Beneath::OpenFile(const char* path) const {
  open_how how{};
  how.flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  // EAGAIN: something was renamed while the kernel looked at "..", which only symlinks bring in here.
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
