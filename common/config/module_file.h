// ModuleFile: the file of a module that was checked, held open by its descriptor. While it is held, no other
// file has its inode number, so a name that was given to a newer file (rename) is recognized.
//
// Opening runs nothing of the file. Copies share the descriptor. A worker inherits it at the fork.
#ifndef PREFORKD_COMMON_CONFIG_MODULE_FILE_H_
#define PREFORKD_COMMON_CONFIG_MODULE_FILE_H_

#include <memory>
#include <string>

#include "common/base/unique_fd.h"

namespace preforkd {

class ModuleFile {
 public:
  // The descriptor has at least this number: those below are fixed in a worker (child_setup.h), which has a
  // copy under the same number.
  static constexpr int kLowestFd = 6;

  // None.
  ModuleFile() = default;
  // The file that `path` names now. None if it is not a regular file, or cannot be opened by this process:
  // who loads the library says why, and may have other rights. Never blocks.
  static ModuleFile Open(const std::string& path);

  [[nodiscard]] bool Held() const { return fd_ != nullptr; }
  // Borrowed; -1 if none is held.
  [[nodiscard]] int Fd() const { return fd_ != nullptr ? fd_->Get() : -1; }
  // `path` names this file. True if none is held.
  [[nodiscard]] bool IsAt(const std::string& path) const;
  // A name that leads to the file whatever has become of its path. It needs /proc. Precondition: Held().
  [[nodiscard]] std::string NameByFd() const;

  // The same descriptor.
  bool operator==(const ModuleFile&) const = default;

 private:
  std::shared_ptr<const UniqueFd> fd_;
};

}  // namespace preforkd

#endif
