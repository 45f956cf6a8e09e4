#include "master/log_output.h"

#include <fcntl.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/sys_error.h"

namespace preforkd {

Status LogOutput::Apply(const LogConfig& config) {
  log::SetLevel(config.level);
  log::SetFormat(config.format);
  if (config.file == path_) return {};
  return OpenPath(config.file);
}

Status LogOutput::Reopen() { return OpenPath(path_); }

Status LogOutput::OpenPath(const std::string& path) {
  if (path == "stderr") {
    log::SetOutput(STDERR_FILENO);
    file_.Reset();
  } else {
    // Non-blocking: a FIFO that nobody reads must not stop the server; its lines are dropped and counted.
    UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0640));
    if (!file.Valid()) return SysError("open", path);
    log::SetOutput(file.Get());
    file_ = std::move(file);
  }
  path_ = path;
  return {};
}

LogFds LogOutput::Fds() const {
  return {.server = file_.Valid() ? file_.Get() : STDERR_FILENO};
}

}  // namespace preforkd
