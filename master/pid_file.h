// PidFile: holds the pid of a serving master, locked for its life, so that a second server on the same file is
// refused and a stale file is not mistaken for a live one.
#ifndef PREFORKD_MASTER_PID_FILE_H_
#define PREFORKD_MASTER_PID_FILE_H_

#include <string>

#include "common/base/result.h"
#include "common/base/unique_fd.h"

namespace preforkd {

class PidFile {
 public:
  PidFile() = default;
  PidFile(PidFile&&) = default;
  PidFile& operator=(PidFile&&) = default;
  // Removes the file, if it is still ours.
  ~PidFile();

  // Opens and locks; does not write yet. An empty path gives a PidFile that does nothing.
  // Error: the path cannot be opened, or another live process holds the lock (its pid is in the text).
  static Result<PidFile> Lock(const std::string& path);
  // One that this process has locked and written already, as another program (upgrade in place): the lock is the
  // process's, and lasts until any descriptor of the file is closed.
  static PidFile Inherit(std::string path, UniqueFd fd);
  [[nodiscard]] const std::string& Path() const { return path_; }  // empty: none
  [[nodiscard]] int Fd() const { return fd_.Get(); }               // borrowed; -1: none

  // Writes this process's pid: the server serves.
  Status Write();

 private:
  std::string path_;
  UniqueFd fd_;
};

}  // namespace preforkd

#endif
