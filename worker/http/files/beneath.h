// Beneath: opens files in one folder, such that no path leads out of it. The only place that calls
// openat2(2), which has no wrapper in glibc 2.36.
//
// The kernel resolves the whole path (RESOLVE_BENEATH) and refuses each step out of the folder: "..", an
// absolute symlink, a symlink that points outside, even one created meanwhile. A check of the path's text
// could not guarantee that.
#ifndef PREFORKD_WORKER_HTTP_FILES_BENEATH_H_
#define PREFORKD_WORKER_HTTP_FILES_BENEATH_H_

#include <cstdint>
#include <string>
#include <utility>

#include "common/base/result.h"
#include "common/base/unique_fd.h"

namespace preforkd::http {

class Beneath {
 public:
  // Error: there is no such folder, its path cannot be searched, or the kernel has no openat2.
  static Result<Beneath> Open(const std::string& folder);

  struct Opened {
    UniqueFd fd;     // invalid: see errnum
    int errnum = 0;  // EXDEV: the path leads out of the folder
  };
  // Opens a file for reading. `path` is relative and may contain symlinks that stay inside. Never blocks, not
  // even on a FIFO without a writer. The caller must check the file type.
  [[nodiscard]] Opened OpenFile(const char* path) const;

  // The same for a descriptor that only says what is there (O_PATH): it needs no permission to read.
  [[nodiscard]] Opened Find(const char* path) const;

  // Looks up `folder` again and uses what it finds from now on. Returns 0, or an errno; then OpenFile fails
  // with that errno until a later call succeeds. A shortage of resources (IsShortage) changes nothing. Makes
  // only system calls that the worker's filter allows.
  int Reopen(const std::string& folder);

 private:
  [[nodiscard]] Opened OpenAs(const char* path, std::uint64_t flags) const;
  explicit Beneath(UniqueFd folder) : folder_(std::move(folder)) {}
  UniqueFd folder_;  // invalid: gone_ is the reason
  int gone_ = 0;
};

// The errno says nothing about the file: no descriptor or memory was available, or a rename interfered.
bool IsShortage(int errnum);

}  // namespace preforkd::http

#endif
