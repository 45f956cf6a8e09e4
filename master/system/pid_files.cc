#include "master/system/pid_files.h"

#include <utility>

#include "common/base/log.h"
#include "common/net/socket_ops.h"

namespace preforkd {

Status PidFiles::Prepare(const Config& config) {
  coming_.reset();
  const bool same = config.pid_file == held_.Path();
  if (!same && (config.pid_file.empty() || held_.Holds(config.pid_file))) return {};  // nothing to be made
  if (same) {
    switch (held_.Check()) {
      case PidFile::Presence::kOurs: return {};
      case PidFile::Presence::kReplaced:
        log::Warning("{}: the pid file has been replaced by somebody else's, which is left alone",
                     config.pid_file);
        return {};
      case PidFile::Presence::kGone: break;
    }
    MakeFolderOf(config.pid_file);  // a cleaner may have taken that as well
  }
  Result<PidFile> file = PidFile::Lock(config.pid_file);
  const Status status = file.Ok() ? file.Value().Write() : Status(file.Err());
  if (status.Ok()) {
    coming_ = std::move(file).Value();
    return {};
  }
  if (!same) return Error{"pid_file: " + status.Err().text, status.Err().errnum};
  log::Error("the pid file has been removed and cannot be made again: {}", status.Err().text);
  return {};
}

void PidFiles::Commit(const Config& config) {
  if (coming_) {
    const bool again = coming_->Path() == held_.Path();
    held_ = std::move(*coming_);
    coming_.reset();
    log::Notice("pid file {}{}", held_.Path(), again ? ": it had been removed, and has been made again" : "");
  } else if (config.pid_file.empty()) {
    held_ = {};
  } else if (held_.Holds(config.pid_file)) {
    held_.Rename(config.pid_file);
  }
}

}  // namespace preforkd
