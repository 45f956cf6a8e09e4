// LogOutput: owns the log's descriptor, when it is a file of ours; opens and reopens it. Master only: workers
// are sent the new descriptor, because by then they may not be allowed to open the file themselves.
#ifndef PREFORKD_MASTER_LOG_OUTPUT_H_
#define PREFORKD_MASTER_LOG_OUTPUT_H_

#include <string>

#include "common/base/result.h"
#include "common/base/unique_fd.h"
#include "common/config/config.h"
#include "common/process/log_fds.h"

namespace preforkd {

class LogOutput {
 public:
  // Points the log at what `config` says: "stderr" or a path. On error the log stays where it was.
  Status Apply(const LogConfig& config);
  // The same path again: after logrotate has moved the file away. On error the log stays where it was.
  Status Reopen();
  // Borrowed: what lines go to now.
  [[nodiscard]] LogFds Fds() const;

 private:
  Status OpenPath(const std::string& path);

  std::string path_ = "stderr";
  UniqueFd file_;
};

}  // namespace preforkd

#endif
