// Beneath: a folder that files are opened in, and out of which no path leads. The one place that calls
// openat2(2), which has no wrapper in glibc 2.36.
//
// The kernel resolves the whole path and refuses ("RESOLVE_BENEATH") every step that would leave the folder:
// "..", an absolute symlink, a symlink that points outside, also one that is put there while we look. No
// check of ours on the text of a path could promise that.
#ifndef PREFORKD_WORKER_HTTP_BENEATH_H_
#define PREFORKD_WORKER_HTTP_BENEATH_H_

#include <string>
#include <utility>

#include "common/base/result.h"
#include "common/base/unique_fd.h"

namespace preforkd::http {

class Beneath {
 public:
  // Error: there is no such folder, or we may not enter it.
  static Result<Beneath> Open(const std::string& folder);

  struct Opened {
    UniqueFd fd;     // invalid: errnum says why
    int errnum = 0;  // EXDEV: the path leads out of the folder
  };
  // For reading; `path` is relative and may contain symlinks that stay inside. Never blocks: a FIFO without a
  // writer is opened at once. What has been opened may be anything: the caller looks.
  [[nodiscard]] Opened OpenFile(const char* path) const;

 private:
  explicit Beneath(UniqueFd folder) : folder_(std::move(folder)) {}
  UniqueFd folder_;
};

}  // namespace preforkd::http

#endif
