#include "master/system/log_output.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "common/base/log.h"
#include "common/base/sys_error.h"
#include "common/base/syslog_name.h"

namespace preforkd {
namespace {

// Non-blocking: a FIFO without a reader must not stop the server. Lines that cannot be written are dropped
// and counted.
constexpr int kFlags = O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

// Opened for reading too, if permitted: a crash report can then read the file, and a FIFO can be opened
// before it has a reader.
int OpenLog(const char* path) {
  const int fd = ::open(path, O_RDWR | kFlags, 0640);
  return fd >= 0 || errno != EACCES ? fd : ::open(path, O_WRONLY | kFlags, 0640);
}

// True if the descriptor is connected to the journal (systemd.exec(5), JOURNAL_STREAM).
bool IsJournal(const struct stat& file) {
  const char* stream = std::getenv("JOURNAL_STREAM");
  unsigned long device = 0;
  unsigned long inode = 0;
  return stream != nullptr && std::sscanf(stream, "%lu:%lu", &device, &inode) == 2 && file.st_dev == device &&
         file.st_ino == inode;
}

// False with NO_COLOR (no-color.org) and for terminals without colour.
bool WantsColour() {
  const char* no_color = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  return (no_color == nullptr || *no_color == '\0') && terminal != nullptr &&
         std::string_view(terminal) != "dumb";
}

}  // namespace

Result<LogOutput::Target> LogOutput::OpenStandardError() {
  Target target{"stderr", {}, log::Sink::kFile};
  struct stat file {};
  if (::fstat(STDERR_FILENO, &file) < 0) return target;
  if (IsJournal(file)) target.sink = log::Sink::kJournal;
  if (S_ISCHR(file.st_mode) && ::isatty(STDERR_FILENO) == 1 && WantsColour())
    target.sink = log::Sink::kTerminal;
  // A pipe that is opened again can be non-blocking without changing the descriptor shared with other
  // processes.
  if (S_ISFIFO(file.st_mode))
    target.file = UniqueFd(::open("/proc/self/fd/2", O_WRONLY | O_CLOEXEC | O_NONBLOCK));
  return target;
}

Result<LogOutput::Target> LogOutput::Open(const std::string& path) {
  if (path == "stderr") return OpenStandardError();
  if (path == "off") return Target{path, {}, log::Sink::kFile};
  const bool syslog = log::MeansSyslog(path);
  Target target{path,
                UniqueFd(syslog ? ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)
                                : OpenLog(path.c_str())),
                syslog ? log::Sink::kSyslog : log::Sink::kFile};
  if (!target.file.Valid()) return SysError(syslog ? "socket" : "open", path);
  return target;
}

Status LogOutput::Use(Result<Target> server, Result<Target> access) {
  if (!server.Ok()) return server.Err();
  if (!access.Ok()) return access.Err();
  server_ = std::move(server).Value();
  access_ = std::move(access).Value();
  log::SetOutput(Fds().server, server_.sink);
  return {};
}

SavedLog LogOutput::Save(const Target& target) {
  return {target.file.Get(), target.path, static_cast<std::uint8_t>(target.sink)};
}

void LogOutput::Restore(const SavedLog& log, Target& target) {
  if (log.path.empty()) return;  // the previous program does not pass its logs on
  // A kind of log known only to a later version: write its lines as they are.
  const bool known = log.sink <= static_cast<std::uint8_t>(log::kLastSink);
  target = Target{log.path, UniqueFd(log.fd), known ? static_cast<log::Sink>(log.sink) : log::Sink::kFile};
}

void LogOutput::Restore(const SavedLog& server, const SavedLog& access) {
  Restore(server, server_);
  Restore(access, access_);
  log::SetOutput(Fds().server, server_.sink);
}

void LogOutput::ApplyFormat(const LogConfig& config) {
  log::SetLevel(config.level);
  log::SetFormat(config.format);
  if (log::MeansSyslog(config.file)) {
    log::SetSyslog(config.syslog_socket, static_cast<unsigned>(log::FacilityOf(config.file)));
  }
}

Status LogOutput::Apply(const LogConfig& config) {
  ApplyFormat(config);
  if (applied_ && config.file == server_.path && config.access == access_.path) return {};
  Status status = Use(Open(config.file), Open(config.access));
  applied_ = applied_ || status.Ok();
  return status;
}

Status LogOutput::Reopen() { return Use(Open(server_.path), Open(access_.path)); }

LogFds LogOutput::Fds() const {
  LogFds fds;
  fds.server = server_.file.Valid() ? server_.file.Get() : STDERR_FILENO;
  fds.sink = server_.sink;
  const bool on_stderr = access_.path == "stderr" && !access_.file.Valid();
  fds.access = on_stderr ? STDERR_FILENO : access_.file.Get();
  return fds;
}

}  // namespace preforkd
