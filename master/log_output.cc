#include "master/log_output.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "common/base/log.h"
#include "common/base/sys_error.h"

namespace preforkd {
namespace {

// Non-blocking: a FIFO that nobody reads must not stop the server; its lines are dropped and counted.
constexpr int kFlags = O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

// For reading too, where that is allowed: what a worker that died was writing shows in the file, and a FIFO can be opened
// before its reader comes.
int OpenLog(const char* path) {
  const int fd = ::open(path, O_RDWR | kFlags, 0640);
  return fd >= 0 || errno != EACCES ? fd : ::open(path, O_WRONLY | kFlags, 0640);
}

}  // namespace

Result<LogOutput::Target> LogOutput::Open(const std::string& path) {
  if (path == "stderr" || path == "off") return Target{path, {}};
  Target target{path, UniqueFd(OpenLog(path.c_str()))};
  if (!target.file.Valid()) return SysError("open", path);
  return target;
}

Status LogOutput::Use(Result<Target> server, Result<Target> access) {
  if (!server.Ok()) return server.Err();
  if (!access.Ok()) return access.Err();
  server_ = std::move(server).Value();
  access_ = std::move(access).Value();
  log::SetOutput(Fds().server);
  return {};
}

Status LogOutput::Apply(const LogConfig& config) {
  log::SetLevel(config.level);
  log::SetFormat(config.format);
  if (config.file == server_.path && config.access == access_.path) return {};
  return Use(Open(config.file), Open(config.access));
}

Status LogOutput::Reopen() { return Use(Open(server_.path), Open(access_.path)); }

LogFds LogOutput::Fds() const {
  LogFds fds;
  fds.server = server_.file.Valid() ? server_.file.Get() : STDERR_FILENO;
  fds.access = access_.path == "stderr" ? STDERR_FILENO : access_.file.Get();
  return fds;
}

}  // namespace preforkd
