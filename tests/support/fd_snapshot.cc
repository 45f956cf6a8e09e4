#include "tests/support/fd_snapshot.h"

#include <dirent.h>
#include <fmt/core.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <set>

namespace preforkd::testing {
namespace {

std::string KindOf(const std::string& target) {
  // "socket:[123]" and "pipe:[123]" carry an inode; "anon_inode:[pidfd]" carries its kind.
  if (target.starts_with("socket:")) return "socket";
  if (target.starts_with("pipe:")) return "pipe";
  // A reload may serve another file, and the one that is served may have been replaced.
  if (target.ends_with(".so") || target.ends_with(".so (deleted)")) return "module";
  return target;
}

std::map<int, std::string> ReadTargets(const std::string& folder, bool self) {
  std::map<int, std::string> targets;
  DIR* directory = ::opendir(folder.c_str());
  if (directory == nullptr) return targets;
  const int looking = ::dirfd(directory);
  while (const dirent* entry = ::readdir(directory)) {
    if (entry->d_name[0] == '.') continue;
    const int fd = std::atoi(entry->d_name);
    if (self && fd == looking) continue;
    std::array<char, 4096> target{};
    const ssize_t size = ::readlinkat(looking, entry->d_name, target.data(), target.size());
    if (size > 0) targets[fd] = std::string(target.data(), static_cast<std::size_t>(size));
  }
  ::closedir(directory);
  return targets;
}

}  // namespace

FdSnapshot FdSnapshot::Of(pid_t pid) {
  FdSnapshot snapshot;
  snapshot.targets_ = ReadTargets(fmt::format("/proc/{}/fd", pid), false);
  return snapshot;
}

FdSnapshot FdSnapshot::OfSelf() {
  FdSnapshot snapshot;
  snapshot.targets_ = ReadTargets("/proc/self/fd", true);
  return snapshot;
}

std::map<std::string, int> FdSnapshot::Kinds() const {
  std::map<std::string, int> kinds;
  for (const auto& [fd, target] : targets_) ++kinds[KindOf(target)];
  return kinds;
}

int FdSnapshot::Count(const std::string& kind) const {
  const std::map<std::string, int> kinds = Kinds();
  const auto found = kinds.find(kind);
  return found == kinds.end() ? 0 : found->second;
}

std::string KindsDiff(const FdSnapshot& before, const FdSnapshot& after) {
  std::set<std::string> kinds;
  for (const auto& [kind, count] : before.Kinds()) kinds.insert(kind);
  for (const auto& [kind, count] : after.Kinds()) kinds.insert(kind);
  std::string text;
  for (const std::string& kind : kinds) {
    if (before.Count(kind) == after.Count(kind)) continue;
    text += fmt::format("{}{}: {}, then {}", text.empty() ? "" : "; ", kind, before.Count(kind),
                        after.Count(kind));
  }
  return text;
}

}  // namespace preforkd::testing
