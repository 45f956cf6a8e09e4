// What a path is called inside the workers' root (worker.chroot).
#ifndef PREFORKD_COMMON_CONFIG_CHROOT_PATH_H_
#define PREFORKD_COMMON_CONFIG_CHROOT_PATH_H_

#include <string>

#include "common/base/result.h"

namespace preforkd {

// `path` as a process whose root is `root` has to say it, such as "/www" for "/srv/jail/www" in "/srv/jail". Both are
// resolved first (realpath(3)): a symlink that leads out of the root is not followed by a process inside.
// Error: one of them does not exist, or `path` is not beneath `root`; what is wrong and what would be right.
Result<std::string> PathInside(const std::string& root, const std::string& path);

}  // namespace preforkd

#endif
