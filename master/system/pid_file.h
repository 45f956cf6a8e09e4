// PidFile: holds the pid of a serving master. The file stays locked while the master runs, so that a second
// server with the same file is refused and a stale file is recognised. A file that cannot be written is
// removed.
#ifndef PREFORKD_MASTER_SYSTEM_PID_FILE_H_
#define PREFORKD_MASTER_SYSTEM_PID_FILE_H_

#include <string>
#include <utility>

#include "common/base/result.h"
#include "common/base/unique_fd.h"

namespace preforkd {

class PidFile {
 public:
  PidFile() = default;
  PidFile(PidFile&& other) noexcept;
  // Removes the file held before.
  PidFile& operator=(PidFile&& other) noexcept;
  // Removes the file, if it is still ours.
  ~PidFile();

  // Opens and locks the file and allocates space for the pid; does not write it yet. With an empty path, the
  // PidFile does nothing. Precondition: no PidFile of this process Holds(path), because closing the second
  // descriptor would release its lock. Error: `path` cannot be opened, a running process holds the lock (the
  // text has its pid), or the disk is full.
  static Result<PidFile> Lock(const std::string& path);
  // Takes a file that the previous program of this process locked and wrote (upgrade). The lock belongs to
  // the process and lasts until any descriptor of the file is closed.
  static PidFile Restore(std::string path, UniqueFd fd);
  [[nodiscard]] const std::string& Path() const { return path_; }  // empty: none
  [[nodiscard]] int Fd() const { return fd_.Get(); }               // borrowed; -1: none

  // Writes this process's pid: the server serves. Error: no pid file is left.
  Status Write();

  // The state of the file at the path. kOurs also if there is no pid file, or if the path cannot be examined.
  enum class Presence { kOurs, kGone, kReplaced };
  [[nodiscard]] Presence Check() const;
  // `path` refers to the file held, perhaps by another name.
  [[nodiscard]] bool Holds(const std::string& path) const;
  // Uses this name for the file from now on. Precondition: Holds(path).
  void Rename(std::string path) { path_ = std::move(path); }

 private:
  // Removes the file, if it is still ours, and closes it.
  void Remove();

  std::string path_;
  UniqueFd fd_;
};

}  // namespace preforkd

#endif
