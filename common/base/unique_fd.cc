#include "common/base/unique_fd.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "common/base/check.h"

namespace preforkd {
namespace {

struct Hold {
  std::vector<int> fds;   // ascending
  std::vector<int> left;  // those of them that nobody owns any more
};
// Not an object of static storage: owners of such storage may close after its end.
Hold* g_hold = nullptr;

bool IsHeld(int fd) {
  return g_hold != nullptr && std::binary_search(g_hold->fds.begin(), g_hold->fds.end(), fd);
}

}  // namespace

void HoldOpen(std::vector<int> fds) {
  PF_CHECK(g_hold == nullptr, "descriptors are held already");
  std::sort(fds.begin(), fds.end());
  g_hold = new Hold{std::move(fds), {}};
}

void EndHold() {
  if (g_hold == nullptr) return;
  const std::vector<int> left = std::move(g_hold->left);
  delete std::exchange(g_hold, nullptr);
  for (const int fd : left) UniqueFd(fd).Reset();
}

void UniqueFd::Close() {
  if (IsHeld(fd_)) {
    g_hold->left.push_back(std::exchange(fd_, -1));
    return;
  }
  const int saved_errno = errno;
  // EBADF here means that somebody else closed our descriptor: by now the number may belong to an innocent
  // connection, so this is a bug to stop at, not an error to pass on. EINTR and EIO on Linux have released
  // the descriptor all the same (close(2)); calling again would close a stranger's.
  if (::close(fd_) < 0) PF_CHECK(errno != EBADF, "descriptor closed behind its owner's back");
  fd_ = -1;
  errno = saved_errno;
}

}  // namespace preforkd
