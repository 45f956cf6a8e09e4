// Modified: when a file was modified, as far as HTTP may be told. Pure.
//
// A time in the future, which a copy from another machine or an archive brings, must not be told:
// Last-Modified is never later than Date (RFC 9110 section 8.8.2.1), and a client that sent it back would
// never be believed. The kernel's own time of the last change (st_ctim) stands in: no content has come after
// it.
#ifndef PREFORKD_WORKER_HTTP_SYNTAX_MODIFIED_H_
#define PREFORKD_WORKER_HTTP_SYNTAX_MODIFIED_H_

#include <algorithm>
#include <ctime>

namespace preforkd::http {

struct Modified {
  std::time_t told = 0;    // the value of Last-Modified
  std::time_t latest = 0;  // nothing was modified after it; what dates of clients are compared with
  bool exact = true;       // `told` names this version of the file: it is not made up
};

constexpr Modified ModifiedOf(std::time_t mtime, std::time_t ctime, std::time_t now) {
  if (mtime <= now) return {mtime, mtime, true};
  return {now, std::min(ctime, now), false};
}

}  // namespace preforkd::http

#endif
