// ServedRoot: the folder that a service serves, by its path. It serves whatever the path leads to now: a
// folder that was removed and created again, or the new target of a symlink in the path.
//
// The folder stays open between two lookups of its path, so a request costs one open(2) beneath it.
// CheckSchedule decides when to look up again. While the path leads nowhere, every file is missing, with the
// error of the path. A lookup that fails for lack of resources changes nothing. Files being sent are not
// affected: they are open.
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
  // Error: the folder does not exist or its path cannot be searched, probably a configuration mistake.
  static Result<ServedRoot> Open(const std::string& path, Time now);

  // Like Beneath::OpenFile, in the folder to which the path led at most a second ago.
  [[nodiscard]] Beneath::Opened OpenFile(const char* name, Time now);

  // Opens another file in the folder that the last OpenFile used. Whether it is there says nothing about the
  // path of the folder, so that is not looked up.
  [[nodiscard]] Beneath::Opened OpenBeside(const char* name) const { return folder_.OpenFile(name); }
  [[nodiscard]] Beneath::Opened FindBeside(const char* name) const { return folder_.Find(name); }

 private:
  ServedRoot(std::string path, Beneath folder, Time now)
      : path_(std::move(path)), folder_(std::move(folder)), schedule_(now) {}

  void CheckAgain(Time now);
  void LogGone(int errnum, Time now);

  std::string path_;
  Beneath folder_;
  CheckSchedule schedule_;
  OncePerSecond log_limit_;
  bool logged_gone_ = false;
};

}  // namespace preforkd::http

#endif
