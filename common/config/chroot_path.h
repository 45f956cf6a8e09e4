// Paths as they are named inside the workers' root (worker.chroot).
#ifndef PREFORKD_COMMON_CONFIG_CHROOT_PATH_H_
#define PREFORKD_COMMON_CONFIG_CHROOT_PATH_H_

#include <optional>
#include <string>

#include "common/base/result.h"

namespace preforkd {

// The name of `path` for a process whose root is `root`, such as "/www" for "/srv/jail/www" in "/srv/jail".
// Both are resolved first (realpath(3)): a process inside cannot follow a symlink that leads out of the root.
// Error: one of them does not exist, or `path` is not beneath `root`; the text says what to write instead.
Result<std::string> PathInside(const std::string& root, const std::string& path);

// The same, but symlinks inside the root are not resolved, such as "/current" for "/srv/jail/current": a
// process inside that opens the path again follows a symlink that has been switched. An absolute symlink may
// lead elsewhere inside; the process inside has to check that. nullopt: no part of `path` is beneath `root`.
std::optional<std::string> LinkedPathInside(const std::string& root, const std::string& path);

}  // namespace preforkd

#endif
