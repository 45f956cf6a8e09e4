#include "common/base/log.h"

#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <iterator>
#include <mutex>

#include "common/base/file_tail.h"
#include "common/base/log_line.h"
#include "common/text/quote.h"

namespace preforkd::log {
namespace {

struct State {
  int fd = 2;
  int echo_fd = -1;
  LineStyle style;
  Identity identity;
  std::uint64_t dropped = 0;
  bool torn = false;  // the last line that was begun has no line end
  std::atomic<std::uint64_t>* drop_counter = nullptr;
  sockaddr_un syslog = {AF_UNIX, "/dev/log"};
};

// One for the process. A log that must be passed around is not used where it matters.
State g_state;
// For g_state. Held while a line is written: SetOutput must not return while a thread still writes to the
// previous descriptor, because the caller closes that, and its number may next belong to a client.
std::mutex g_mutex;
// Not part of the state: a line that is not written must not wait for one that is.
std::atomic<Level> g_level{Level::kInfo};

// A child has only the thread that called fork(2). If another one held the lock, the child could never log.
// An error (ENOMEM) changes nothing for processes of one thread.
[[maybe_unused]] const int g_at_fork =
    ::pthread_atfork([] { g_mutex.lock(); }, [] { g_mutex.unlock(); }, [] { g_mutex.unlock(); });

constexpr std::array<const char*, 6> kLevelNames = {"debug", "info", "notice", "warning", "error", "alert"};

// The number of bytes written; negative: errno has the reason. Never blocks, except on a disk or a terminal.
ssize_t Deliver(const Line& line) {
  constexpr int kFlags = MSG_DONTWAIT | MSG_NOSIGNAL;
  switch (g_state.style.sink) {
    case Sink::kSyslog:
      // Not connected: a syslog daemon that is restarted is found at its path again.
      return ::sendto(g_state.fd, line.data(), line.size(), kFlags,
                      reinterpret_cast<const sockaddr*>(&g_state.syslog), sizeof(g_state.syslog));
    case Sink::kJournal:
      if (const ssize_t sent = ::send(g_state.fd, line.data(), line.size(), kFlags);
          sent >= 0 || errno != ENOTSOCK) {
        return sent;
      }
      break;
    case Sink::kFile:
    case Sink::kTerminal: break;
  }
  return ::write(g_state.fd, line.data(), line.size());
}

bool Emit(Level level, const Subject& subject, std::string_view text) {
  Line line;
  if (g_state.torn && !EndsWithLine(g_state.fd)) line.push_back('\n');
  AppendLine(line, g_state.style, g_state.identity, level, subject, text);
  ssize_t result = 0;
  do {
    result = Deliver(line);
  } while (result < 0 && errno == EINTR);
  const auto size = static_cast<std::size_t>(std::max<ssize_t>(result, 0));
  const bool whole = size == line.size();
  if (whole) g_state.torn = false;
  // A part of the line was written (the disk has just become full): remove it if possible, otherwise begin
  // the next line on a new one.
  if (!whole && size > 0) g_state.torn = !TakeBack(g_state.fd, {line.data(), size}, size);
  return whole;
}

// For a person at a terminal: the text alone. A failure to write it is ignored.
void Echo(std::string_view text) {
  const std::string line = fmt::format("preforkd: {}\n", Escaped(text));
  (void)!::write(g_state.echo_fd, line.data(), line.size());
}

void CountDropped() {
  ++g_state.dropped;
  if (g_state.drop_counter != nullptr) g_state.drop_counter->fetch_add(1, std::memory_order_relaxed);
}

// Logs how many lines were lost, before the first line that can be written again.
void ReportDropped() {
  Line text;
  fmt::format_to(std::back_inserter(text), "{} log lines could not be written before this one",
                 g_state.dropped);
  if (Emit(Level::kWarning, {kLogDropped, {{"lines", g_state.dropped}}}, {text.data(), text.size()}))
    g_state.dropped = 0;
}

}  // namespace

void SetOutput(int fd, Sink sink) {
  const std::lock_guard lock(g_mutex);
  g_state.fd = fd;
  g_state.style.sink = sink;
  g_state.torn = false;
}
void SetErrorEcho(int fd) {
  const std::lock_guard lock(g_mutex);
  g_state.echo_fd = fd;
}
void SetLevel(Level level) { g_level.store(level, std::memory_order_relaxed); }
void SetFormat(Format format) {
  const std::lock_guard lock(g_mutex);
  g_state.style.format = format;
}
void SetIdentity(const Identity& identity) {
  const std::lock_guard lock(g_mutex);
  g_state.identity = identity;
}
void SetSyslog(std::string_view path, unsigned facility) {
  const std::lock_guard lock(g_mutex);
  g_state.syslog = {};
  g_state.syslog.sun_family = AF_UNIX;
  path.copy(g_state.syslog.sun_path, sizeof(g_state.syslog.sun_path) - 1);
  g_state.style.facility = facility;
}
void SetDropCounter(std::atomic<std::uint64_t>* counter) {
  const std::lock_guard lock(g_mutex);
  g_state.drop_counter = counter;
}

bool Enabled(Level level) { return level >= g_level.load(std::memory_order_relaxed); }
const char* LevelName(Level level) { return kLevelNames[static_cast<std::size_t>(level)]; }

std::uint64_t Dropped() {
  const std::lock_guard lock(g_mutex);
  return g_state.dropped;
}

void VWrite(Level level, const Subject& subject, fmt::string_view format, fmt::format_args args) {
  const int saved_errno = errno;
  fmt::memory_buffer text;
  fmt::vformat_to(std::back_inserter(text), format, args);
  const std::lock_guard lock(g_mutex);
  if (g_state.dropped != 0) ReportDropped();
  if (!Emit(level, subject, {text.data(), text.size()})) CountDropped();
  if (level >= Level::kError && g_state.echo_fd >= 0 && g_state.echo_fd != g_state.fd)
    Echo({text.data(), text.size()});
  errno = saved_errno;
}

}  // namespace preforkd::log
