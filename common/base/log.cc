#include "common/base/log.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <iterator>

#include "common/base/escape.h"
#include "common/base/file_tail.h"

namespace preforkd::log {
namespace {

struct State {
  int fd = 2;
  Sink sink = Sink::kFile;
  Level level = Level::kInfo;
  Format format = Format::kText;
  Identity identity;
  std::uint64_t dropped = 0;
  bool torn = false;  // the last line that was begun has no end
  std::atomic<std::uint64_t>* drop_counter = nullptr;
  sockaddr_un syslog = {AF_UNIX, "/dev/log"};
  unsigned facility = 3;
};

// One for the process: a log that has to be passed around is a log that is not used where it matters.
State g_state;

constexpr std::array<const char*, 6> kLevelNames = {"debug", "info", "notice", "warning", "error", "alert"};

// 500 bytes are on the stack: a usual line allocates nothing.
using Line = fmt::memory_buffer;

void AppendTimestamp(Line& line) {
  std::timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  std::tm utc{};
  ::gmtime_r(&now.tv_sec, &utc);
  fmt::format_to(std::back_inserter(line), "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", utc.tm_year + 1900,
                 utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, now.tv_nsec / 1000);
}

void AppendEscaped(Line& line, std::string_view text, Escape escape) {
  EscapeRoom room;
  while (!text.empty()) line.append(TakeEscaped(text, escape, room));
}

void BuildText(Line& line, Level level, std::optional<ConnId> conn, std::string_view text) {
  const Identity& who = g_state.identity;
  auto out = std::back_inserter(line);
  AppendTimestamp(line);
  fmt::format_to(out, " {:<7} {} pid={}", LevelName(level), who.role, ::getpid());
  if (who.slot) fmt::format_to(out, " slot={}", Raw(*who.slot));
  if (who.incarnation) fmt::format_to(out, " inc={}", Raw(*who.incarnation));
  if (who.generation) fmt::format_to(out, " gen={}", Raw(*who.generation));
  if (conn) fmt::format_to(out, " conn={}", Raw(*conn));
  fmt::format_to(out, ": ");
  AppendEscaped(line, text, Escape::kText);
  line.push_back('\n');
}

void BuildJson(Line& line, Level level, std::optional<ConnId> conn, std::string_view text) {
  const Identity& who = g_state.identity;
  auto out = std::back_inserter(line);
  fmt::format_to(out, "{{\"time\":\"");
  AppendTimestamp(line);
  fmt::format_to(out, "\",\"level\":\"{}\",\"role\":\"{}\",\"pid\":{}", LevelName(level), who.role,
                 ::getpid());
  if (who.slot) fmt::format_to(out, ",\"slot\":{}", Raw(*who.slot));
  if (who.incarnation) fmt::format_to(out, ",\"incarnation\":{}", Raw(*who.incarnation));
  if (who.generation) fmt::format_to(out, ",\"generation\":{}", Raw(*who.generation));
  if (conn) fmt::format_to(out, ",\"conn\":{}", Raw(*conn));
  fmt::format_to(out, ",\"message\":\"");
  AppendEscaped(line, text, Escape::kJson);
  fmt::format_to(out, "\"}}\n");
}

bool WriteOnce(const Line& line) {
  ssize_t result = 0;
  do {
    result = ::write(g_state.fd, line.data(), line.size());
  } while (result < 0 && errno == EINTR);
  const auto size = static_cast<std::size_t>(std::max<ssize_t>(result, 0));
  if (size == line.size()) return true;
  // A part of it (the disk has just become full): nothing, if that can be had, or the next line begins on a new one.
  if (size > 0) g_state.torn = !TakeBack(g_state.fd, {line.data(), size}, size);
  return false;
}

bool Emit(Level level, std::optional<ConnId> conn, std::string_view text) {
  Line line;
  if (g_state.torn && !EndsWithLine(g_state.fd)) line.push_back('\n');
  if (g_state.format == Format::kJson) {
    BuildJson(line, level, conn, text);
  } else {
    BuildText(line, level, conn, text);
  }
  if (!WriteOnce(line)) return false;
  g_state.torn = false;
  return true;
}

void CountDropped() {
  ++g_state.dropped;
  if (g_state.drop_counter != nullptr) g_state.drop_counter->fetch_add(1, std::memory_order_relaxed);
}

// Says how many lines were lost, in the first line that can be written again.
void ReportDropped() {
  Line text;
  fmt::format_to(std::back_inserter(text), "{} log lines could not be written before this one", g_state.dropped);
  if (Emit(Level::kWarning, std::nullopt, {text.data(), text.size()})) g_state.dropped = 0;
}

}  // namespace

void SetOutput(int fd, Sink sink) {
  g_state.fd = fd;
  g_state.sink = sink;
  g_state.torn = false;
}
void SetLevel(Level level) {
  g_state.level = level;
}
void SetFormat(Format format) {
  g_state.format = format;
}
void SetIdentity(const Identity& identity) {
  g_state.identity = identity;
}
void SetSyslog(std::string_view path, unsigned facility) {
  g_state.syslog = {};
  g_state.syslog.sun_family = AF_UNIX;
  path.copy(g_state.syslog.sun_path, sizeof(g_state.syslog.sun_path) - 1);
  g_state.facility = facility;
}
void SetDropCounter(std::atomic<std::uint64_t>* counter) {
  g_state.drop_counter = counter;
}

bool Enabled(Level level) {
  return level >= g_state.level;
}
const char* LevelName(Level level) {
  return kLevelNames[static_cast<std::size_t>(level)];
}

std::optional<Level> ParseLevel(std::string_view word) {
  for (std::size_t i = 0; i < kLevelNames.size(); ++i) {
    if (word == kLevelNames[i]) return static_cast<Level>(i);
  }
  return std::nullopt;
}

std::uint64_t Dropped() {
  return g_state.dropped;
}

void VWrite(Level level, std::optional<ConnId> conn, fmt::string_view format, fmt::format_args args) {
  const int saved_errno = errno;
  fmt::memory_buffer text;
  fmt::vformat_to(std::back_inserter(text), format, args);
  if (g_state.dropped != 0) ReportDropped();
  if (!Emit(level, conn, {text.data(), text.size()})) CountDropped();
  errno = saved_errno;
}

}  // namespace preforkd::log
