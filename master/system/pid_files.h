// PidFiles: the pid file that is held, and the one that a coming configuration wants. Owns both. A reload may
// move the file, and makes it again where a cleaner has removed it.
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

  // Locks and writes the file that `config` wants where that is not the one that is held, beside that one. A
  // file that was held and has been removed is no reason to refuse: where it cannot be made again, that is
  // logged. What somebody else has put in its place is left alone. Error: another file cannot be had.
  Status Prepare(const Config& config);
  // `config`, which was prepared, is in service from now on.
  void Commit(const Config& config);
  // Removes what Prepare made.
  void Abandon() { coming_.reset(); }

 private:
  PidFile held_;
  std::optional<PidFile> coming_;
};

}  // namespace preforkd

#endif
