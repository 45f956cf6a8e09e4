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
  std::vector<int> left;  // those of them that have no owner any more
};
// Not an object of static storage: owners with static storage may close after its destruction.
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
  // EBADF means that other code closed our descriptor. The number may already belong to another connection,
  // so this is a bug to abort at, not an error to return. After EINTR and EIO Linux has released the
  // descriptor all the same (close(2)); a second close could close another connection.
  if (::close(fd_) < 0) PF_CHECK(errno != EBADF, "descriptor closed behind its owner's back");
  fd_ = -1;
  errno = saved_errno;
}

}  // namespace preforkd
