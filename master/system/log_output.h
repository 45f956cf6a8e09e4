// LogOutput: owns the descriptors of the log and of the access log, where they are files of ours; opens and
// reopens them. Master only: workers are sent the new descriptors, because by then they may not be allowed to
// open the files themselves.
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
  // How lines look, without where they go.
  static void Dress(const LogConfig& config);
  // Points the logs at what `config` says. On error both stay where they were.
  Status Apply(const LogConfig& config);
  // Goes on with what the program before this one had open; a later Apply opens anew what it can.
  void Restore(const SavedLog& server, const SavedLog& access);
  [[nodiscard]] SavedLog SaveServer() const { return Save(server_); }
  [[nodiscard]] SavedLog SaveAccess() const { return Save(access_); }
  // The same paths again: after logrotate has moved the files away. On error both stay where they were.
  Status Reopen();
  // Borrowed: what lines go to now.
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
  bool applied_ = false;  // what standard error is has been looked at
};

}  // namespace preforkd

#endif
