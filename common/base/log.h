// The log: one line, one write(2), to a descriptor that all processes share.
//
// Fork-safe: no buffer, no lock, no thread; a child that writes before it has set its identity names the
// parent's, nothing worse. Lines of different processes do not mix because the descriptor is O_APPEND (or a
// pipe, and the line is shorter than PIPE_BUF).
// Never call it from a signal handler: formatting allocates when a line is long.
//
// Level alert means a bug or a leak of ours: the test harness fails any test whose log holds one.
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

// What is behind the log's descriptor, and so how a line is dressed.
enum class Sink : std::uint8_t {
  kFile,      // also a pipe: as it is
  kTerminal,  // in colour
  kJournal,   // systemd's: "<6>" in front of each line, sd-daemon(3), and no time, which it adds itself
  kSyslog,    // a datagram each, for /dev/log
};
inline constexpr Sink kLastSink = Sink::kSyslog;

// Who speaks; stands in every line.
struct Identity {
  std::string_view role = "preforkd";  // static storage
  std::optional<Slot> slot;
  std::optional<Incarnation> incarnation;
  std::optional<Generation> generation;
};

// Where lines go from now on. `fd` is borrowed and must outlive its use here; 2 until the first call.
void SetOutput(int fd, Sink sink = Sink::kFile);
void SetLevel(Level level);
void SetFormat(Format format);
void SetIdentity(const Identity& identity);
// Where the datagrams of Sink::kSyslog go: /dev/log, facility 3 (daemon; RFC 5424, table 1), until the first
// call. Precondition: `path` fits into a sockaddr_un.
void SetSyslog(std::string_view path, unsigned facility);
// From now on lines of level error and above are also written to `fd`, borrowed: somebody waits there to hear
// why a start has failed. -1: no more. Nothing is written twice where the log goes to that descriptor itself.
void SetErrorEcho(int fd);
// A number in shared memory to which each line that could not be written is added. It outlives its use here.
void SetDropCounter(std::atomic<std::uint64_t>* counter);

[[nodiscard]] bool Enabled(Level level);
[[nodiscard]] const char* LevelName(Level level);
// Lines that could not be written (disk full, pipe full) since the last one that could. The next line that
// goes through is preceded by one that says the number.
[[nodiscard]] std::uint64_t Dropped();

// Formats and writes one line. Control characters in the text are escaped, so that nothing a client sends can
// forge a line. Keeps errno.
void VWrite(Level level, const Subject& subject, fmt::string_view format, fmt::format_args args);

// log::Notice(log::kServing, "...") or, with what the line is about, log::Notice({log::kWorkerReady, worker,
// {{"took", took}}}, "...").
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
