// LogOutput: owns the descriptors of the log and the access log; opens and reopens them. Master only: workers
// may lack the permission to open the files, so the master sends them new descriptors.
#ifndef PREFORKD_MASTER_SYSTEM_LOG_OUTPUT_H_
#define PREFORKD_MASTER_SYSTEM_LOG_OUTPUT_H_

#include <string>

#include "common/base/result.h"
#include "common/base/unique_fd.h"
#include "common/config/config.h"
#include "common/process/log_fds.h"
#include "master/upgrade/state/upgrade_state.h"

namespace preforkd {

class LogOutput {
 public:
  // Sets the level and format of log lines, not their destination.
  static void ApplyFormat(const LogConfig& config);
  // Opens the logs of `config`. On error both logs stay as they were.
  Status Apply(const LogConfig& config);
  // Uses the logs that the previous program had open (upgrade). A later Apply opens the configured ones.
  void Restore(const SavedLog& server, const SavedLog& access);
  [[nodiscard]] SavedLog SaveServer() const { return Save(server_); }
  [[nodiscard]] SavedLog SaveAccess() const { return Save(access_); }
  // Opens the same paths again, after logrotate has moved the files. On error both logs stay as they were.
  Status Reopen();
  // The current descriptors; borrowed.
  [[nodiscard]] LogFds Fds() const;

 private:
  struct Target {
    std::string path;  // or "stderr", "syslog..." or "off"
    UniqueFd file;     // invalid: standard error, or none
    log::Sink sink;
  };

  static Result<Target> Open(const std::string& path);
  static Result<Target> OpenStandardError();
  static SavedLog Save(const Target& target);
  static void Restore(const SavedLog& log, Target& target);
  Status Use(Result<Target> server, Result<Target> access);

  Target server_{"stderr", {}, log::Sink::kFile};
  Target access_{"off", {}, log::Sink::kFile};
  bool applied_ = false;  // the kind of standard error has been determined
};

}  // namespace preforkd

#endif
