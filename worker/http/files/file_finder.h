// FileFinder: what a path means in a served folder. StaticFiles sends what it finds, and `preforkd --explain`
// says it: so the two cannot differ.
#ifndef PREFORKD_WORKER_HTTP_FILES_FILE_FINDER_H_
#define PREFORKD_WORKER_HTTP_FILES_FILE_FINDER_H_

#include <sys/stat.h>

#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/base/unique_fd.h"
#include "worker/http/files/file_rules.h"
#include "worker/http/files/served_root.h"

namespace preforkd::http {

struct Finding {
  enum class Kind {
    kFile,      // a regular file: that of the path, or the index of its folder
    kToFolder,  // a folder, whose path lacks the '/' at its end
    kList,      // a folder without an index, whose content is shown
    kError,
  };
  Kind kind = Kind::kError;
  UniqueFd fd{};  // of a file, or of a folder that is shown
  struct stat info {};
  // Of an error.
  int status = 404;
  int errnum = 0;  // 0: what is there is no file
};

class FileFinder {
 public:
  // Error: the root cannot be opened.
  static Result<FileFinder> Make(const FileRules& rules);

  // `path`: as in HttpRequest, below the root. A FIFO or a device is never waited for.
  Finding Find(std::string_view path, Time now);
  // What the last Find looked for, relative to the root.
  [[nodiscard]] const std::string& Name() const { return name_; }
  [[nodiscard]] ServedRoot& Root() { return root_; }

 private:
  FileFinder(ServedRoot root, const FileRules& rules)
      : root_(std::move(root)), index_(rules.index), listing_(rules.listing) {}

  ServedRoot root_;
  std::string index_;
  bool listing_;
  std::string name_;  // kept to reuse its memory
};

// What a client gets whose file cannot be opened for this reason.
int StatusOfErrno(int errnum);

}  // namespace preforkd::http

#endif
