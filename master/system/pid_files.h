// PidFiles: owns the pid file in use, and during a reload the one of the new configuration. A reload can move
// the file, and creates it again if it was removed.
#ifndef PREFORKD_MASTER_SYSTEM_PID_FILES_H_
#define PREFORKD_MASTER_SYSTEM_PID_FILES_H_

#include <optional>
#include <string>

#include "common/config/config.h"
#include "master/system/pid_file.h"

namespace preforkd {

class PidFiles {
 public:
  PidFiles() = default;
  explicit PidFiles(PidFile held) : held_(std::move(held)) {}

  [[nodiscard]] PidFile& Held() { return held_; }

  // Locks and writes the pid file of `config`, if that is not the one in use. If the file in use was removed,
  // it is created again; a failure of that is only logged. A file that another process put in its place is
  // not touched. Error: a different file cannot be locked or written.
  Status Prepare(const Config& config);
  // Puts `config` into service. Precondition: Prepare(config) succeeded.
  void Commit(const Config& config);
  // Removes what Prepare created.
  void Abandon() { coming_.reset(); }

 private:
  PidFile held_;
  std::optional<PidFile> coming_;
};

}  // namespace preforkd

#endif
