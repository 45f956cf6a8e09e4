#include "master/system/pid_files.h"

#include <utility>

#include "common/base/log.h"
#include "common/net/socket_ops.h"

namespace preforkd {

Status PidFiles::Prepare(const Config& config) {
  coming_.reset();
  const bool same = config.pid_file == held_.Path();
  if (!same && (config.pid_file.empty() || held_.Holds(config.pid_file))) return {};  // nothing to create
  if (same) {
    switch (held_.Check()) {
      case PidFile::Presence::kOurs: return {};
      case PidFile::Presence::kReplaced:
        log::Warning({log::kFileReplaced, {{"path", config.pid_file}}},
                     "the pid file {} was replaced by another process and is left as it is", config.pid_file);
        return {};
      case PidFile::Presence::kGone: break;
    }
    MakeFolderOf(config.pid_file);  // a cleanup job may have removed the folder as well
  }
  Result<PidFile> file = PidFile::Lock(config.pid_file);
  const Status status = file.Ok() ? file.Value().Write() : Status(file.Err());
  if (status.Ok()) {
    coming_ = std::move(file).Value();
    return {};
  }
  if (!same) return Error{"pid_file: " + status.Err().text, status.Err().errnum};
  log::Error({log::kFileRemoved, {{"path", config.pid_file}}},
             "the pid file was removed and cannot be created again: {}", status.Err().text);
  return {};
}

void PidFiles::Commit(const Config& config) {
  if (coming_) {
    const bool again = coming_->Path() == held_.Path();
    held_ = std::move(*coming_);
    coming_.reset();
    log::Notice({again ? log::kFileRestored : log::kPidFile, {{"path", held_.Path()}}}, "pid file {}{}",
                held_.Path(), again ? " was removed and has been created again" : "");
  } else if (config.pid_file.empty()) {
    held_ = {};
  } else if (held_.Holds(config.pid_file)) {
    held_.Rename(config.pid_file);
  }
}

}  // namespace preforkd
