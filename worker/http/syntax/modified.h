// Modified: the modification time of a file, as reported by HTTP. Pure.
//
// A time in the future (from another machine's copy, or an archive) must not be reported: Last-Modified is
// never later than Date (RFC 9110 section 8.8.2.1), and a client could not use it in a condition. The
// kernel's own time of the last change (st_ctim) is used for comparisons instead: the content is not newer
// than that.
#ifndef PREFORKD_WORKER_HTTP_SYNTAX_MODIFIED_H_
#define PREFORKD_WORKER_HTTP_SYNTAX_MODIFIED_H_

#include <algorithm>
#include <ctime>

namespace preforkd::http {

struct Modified {
  std::time_t told = 0;    // the value of Last-Modified
  std::time_t latest = 0;  // nothing was modified after it; client dates are compared with it
  bool exact = true;       // `told` is the file's own time, not a substitute
};

constexpr Modified ModifiedOf(std::time_t mtime, std::time_t ctime, std::time_t now) {
  if (mtime <= now) return {mtime, mtime, true};
  return {now, std::min(ctime, now), false};
}

}  // namespace preforkd::http

#endif
