// The log: one line is one write(2), to a descriptor that all processes share.
//
// Any thread may call it: lines are written one after another. Fork-safe: no buffer, no thread, and a fork
// waits until no line is being written. A child that logs before it has set its identity shows its parent's,
// nothing worse. Lines of different processes do not mix: the descriptor is O_APPEND, or a pipe and
// the line is shorter than PIPE_BUF.
// Never call it from a signal handler: formatting a long line allocates.
//
// Level alert means a bug or a leak of ours: the test harness fails every test whose log has an alert.
#ifndef PREFORKD_COMMON_BASE_LOG_H_
#define PREFORKD_COMMON_BASE_LOG_H_

#include <fmt/core.h>

#include <atomic>
#include <cstdint>
#include <optional>
#include <string_view>

#include "common/base/ids.h"
#include "common/base/log_subject.h"

namespace preforkd::log {

enum class Level { kDebug, kInfo, kNotice, kWarning, kError, kAlert };
enum class Format { kText, kJson };

// What the log's descriptor leads to. It decides how a line is formatted.
enum class Sink : std::uint8_t {
  kFile,      // or a pipe: plain text
  kTerminal,  // in colour
  kJournal,   // systemd's journal: "<6>" before each line (sd-daemon(3)), and no time, which the journal adds
  kSyslog,    // one datagram for each line, for /dev/log
};
inline constexpr Sink kLastSink = Sink::kSyslog;

// The process that writes; part of every line.
struct Identity {
  std::string_view role = "preforkd";  // static storage
  std::optional<Slot> slot;
  std::optional<Incarnation> incarnation;
  std::optional<Generation> generation;
};

// Sets the descriptor that lines go to. `fd` is borrowed and must outlive its use here; 2 until the first
// call. When this returns, no thread uses the previous one any more.
void SetOutput(int fd, Sink sink = Sink::kFile);
void SetLevel(Level level);
void SetFormat(Format format);
void SetIdentity(const Identity& identity);
// Sets where the datagrams of Sink::kSyslog go. Until the first call: /dev/log, facility 3 (daemon; RFC 5424,
// table 1). Precondition: `path` fits into a sockaddr_un.
void SetSyslog(std::string_view path, unsigned facility);
// Lines of level error and above are also written to `fd` (borrowed), where somebody waits for the result of
// a start. -1 ends it. A line is not written twice if the log goes to the same descriptor.
void SetErrorEcho(int fd);
// `counter`, in shared memory, is incremented for each line that could not be written. It must outlive its
// use here.
void SetDropCounter(std::atomic<std::uint64_t>* counter);

[[nodiscard]] bool Enabled(Level level);
[[nodiscard]] const char* LevelName(Level level);
// The number of lines that could not be written (disk full, pipe full) since the last successful write.
// Before the next line that can be written, the log reports that number.
[[nodiscard]] std::uint64_t Dropped();

// Formats and writes one line. Control characters in the text are escaped, so that a client cannot forge a
// line. Keeps errno.
void VWrite(Level level, const Subject& subject, fmt::string_view format, fmt::format_args args);

// log::Notice(log::kServing, "..."), or with a worker or connection and fields:
// log::Notice({log::kWorkerReady, worker, {{"took", took}}}, "...").
#define PREFORKD_LOG_LEVEL(Name)                                                          \
  template <typename... Args>                                                             \
  void Name(const Subject& subject, fmt::format_string<Args...> format, Args&&... args) { \
    if (!Enabled(Level::k##Name)) return;                                                 \
    VWrite(Level::k##Name, subject, format, fmt::make_format_args(args...));              \
  }

PREFORKD_LOG_LEVEL(Debug)
PREFORKD_LOG_LEVEL(Info)
PREFORKD_LOG_LEVEL(Notice)
PREFORKD_LOG_LEVEL(Warning)
PREFORKD_LOG_LEVEL(Error)
PREFORKD_LOG_LEVEL(Alert)
#undef PREFORKD_LOG_LEVEL

}  // namespace preforkd::log

#endif
