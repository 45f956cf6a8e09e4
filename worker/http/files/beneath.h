// Beneath: a folder that files are opened in, and out of which no path leads. The one place that calls
// openat2(2), which has no wrapper in glibc 2.36.
//
// The kernel resolves the whole path and refuses ("RESOLVE_BENEATH") every step that would leave the folder:
// "..", an absolute symlink, a symlink that points outside, also one that is put there while we look. No
// check of ours on the text of a path could promise that.
#ifndef PREFORKD_WORKER_HTTP_FILES_BENEATH_H_
#define PREFORKD_WORKER_HTTP_FILES_BENEATH_H_

#include <string>
#include <utility>

#include "common/base/result.h"
#include "common/base/unique_fd.h"

namespace preforkd::http {

class Beneath {
 public:
  // Error: there is no such folder, its path may not be searched, or this kernel has no openat2.
  static Result<Beneath> Open(const std::string& folder);

  struct Opened {
    UniqueFd fd;     // invalid: errnum says why
    int errnum = 0;  // EXDEV: the path leads out of the folder
  };
  // For reading; `path` is relative and may contain symlinks that stay inside. Never blocks: a FIFO without a
  // writer is opened at once. What has been opened may be anything: the caller looks.
  [[nodiscard]] Opened OpenFile(const char* path) const;

  // From now on the folder that the path `folder` leads to now. Returns 0, or why it leads to none: then
  // OpenFile says the same for every file, until another call of this succeeds. For want of resources
  // (IsShortage) nothing changes. Calls nothing that a worker's filter of system calls refuses.
  int Reopen(const std::string& folder);

 private:
  explicit Beneath(UniqueFd folder) : folder_(std::move(folder)) {}
  UniqueFd folder_;  // invalid: gone_ says why
  int gone_ = 0;
};

// Nothing is said about the file: there is no descriptor or no memory for it at this moment, or a rename came
// between.
bool IsShortage(int errnum);

}  // namespace preforkd::http

#endif
