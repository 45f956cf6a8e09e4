// ServedRoot: the folder that a service serves, by its path. Whatever that path leads to now is served: a
// folder that was removed and made again, or the new target of a symlink anywhere in the path.
//
// The folder stays open between two lookups of its path, so a request costs one open(2) of a name beneath it.
// When to look is CheckSchedule's decision. While the path leads nowhere every file is missing with the error
// of the path; a lookup that fails for want of resources changes nothing. Files that are being sent are not
// touched: they are open.
#ifndef PREFORKD_WORKER_HTTP_FILES_SERVED_ROOT_H_
#define PREFORKD_WORKER_HTTP_FILES_SERVED_ROOT_H_

#include <string>

#include "common/base/result.h"
#include "common/structures/rate_limit.h"
#include "worker/http/files/beneath.h"
#include "worker/http/files/check_schedule.h"

namespace preforkd::http {

class ServedRoot {
 public:
  // Error: there is no such folder now, or its path may not be searched: most likely a mistake in the
  // configuration.
  static Result<ServedRoot> Open(const std::string& path, Time now);

  // As Beneath::OpenFile, in the folder that the path led to a second ago at most.
  [[nodiscard]] Beneath::Opened OpenFile(const char* name, Time now);

 private:
  ServedRoot(std::string path, Beneath folder, Time now)
      : path_(std::move(path)), folder_(std::move(folder)), schedule_(now) {}

  void CheckAgain(Time now);
  void SayGone(int errnum, Time now);

  std::string path_;
  Beneath folder_;
  CheckSchedule schedule_;
  OncePerSecond log_limit_;
  bool said_gone_ = false;
};

}  // namespace preforkd::http

#endif
