#include "common/base/unique_fd.h"

#include <unistd.h>

#include <cerrno>

#include "common/base/check.h"

namespace preforkd {

void UniqueFd::Close() {
  const int saved_errno = errno;
  // EBADF here means that somebody else closed our descriptor: by now the number may belong to an innocent
  // connection, so this is a bug to stop at, not an error to pass on. EINTR and EIO on Linux have released
  // the descriptor all the same (close(2)); calling again would close a stranger's.
  if (::close(fd_) < 0) PF_CHECK(errno != EBADF, "descriptor closed behind its owner's back");
  fd_ = -1;
  errno = saved_errno;
}

}  // namespace preforkd
