// What a path is called inside the workers' root (worker.chroot).
#ifndef PREFORKD_COMMON_CONFIG_CHROOT_PATH_H_
#define PREFORKD_COMMON_CONFIG_CHROOT_PATH_H_

#include <optional>
#include <string>

#include "common/base/result.h"

namespace preforkd {

// `path` as a process whose root is `root` has to say it, such as "/www" for "/srv/jail/www" in "/srv/jail".
// Both are resolved first (realpath(3)): a symlink that leads out of the root is not followed by a process
// inside. Error: one of them does not exist, or `path` is not beneath `root`; what is wrong and what would be
// right.
Result<std::string> PathInside(const std::string& root, const std::string& path);

// The same with the symlinks that lie inside left as they are, such as "/current" for "/srv/jail/current": a
// process inside that opens it again follows one that has been switched. Whether it leads to the same folder
// inside is for the process to see: an absolute symlink means something else there. nullopt: no part of
// `path` lies beneath `root`.
std::optional<std::string> LinkedPathInside(const std::string& root, const std::string& path);

}  // namespace preforkd

#endif
