// PidFile: holds the pid of a serving master, locked for its life, so that a second server on the same file
// is refused and a stale file is not mistaken for a live one. Never leaves a file that names nobody: one that
// cannot be written is removed.
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
  // The file that was held before goes.
  PidFile& operator=(PidFile&& other) noexcept;
  // Removes the file, if it is still ours.
  ~PidFile();

  // Opens and locks, and sees to it that there is room for what will be written; does not write yet. An empty
  // path gives a PidFile that does nothing. Precondition: no PidFile of this process Holds(path), whose lock
  // would end with this one. Error: the path cannot be opened, another live process holds the lock (its pid
  // is in the text), or the disk is full.
  static Result<PidFile> Lock(const std::string& path);
  // One that this process has locked and written already, as another program (upgrade in place): the lock is
  // the process's, and lasts until any descriptor of the file is closed.
  static PidFile Restore(std::string path, UniqueFd fd);
  [[nodiscard]] const std::string& Path() const { return path_; }  // empty: none
  [[nodiscard]] int Fd() const { return fd_.Get(); }               // borrowed; -1: none

  // Writes this process's pid: the server serves. Error: there is no pid file then.
  Status Write();

  // What is at its path by now. kOurs also where there is no file, or none can be seen.
  enum class Presence { kOurs, kGone, kReplaced };
  [[nodiscard]] Presence Check() const;
  // `path` is the file that is held, whatever name it goes by.
  [[nodiscard]] bool Holds(const std::string& path) const;
  // It goes by this name from now on. Precondition: Holds(path).
  void Rename(std::string path) { path_ = std::move(path); }

 private:
  // Removes the file, if it is still ours, and lets go of it.
  void Remove();

  std::string path_;
  UniqueFd fd_;
};

}  // namespace preforkd

#endif
