#include "common/base/log_line.h"

#include <unistd.h>

#include <array>
#include <ctime>
#include <iterator>

#include "common/text/escape.h"

namespace preforkd::log {
namespace {

// RFC 5424, table 2, and sd-daemon(3): the same numbers.
constexpr std::array<unsigned, 6> kPriorities = {7, 6, 5, 4, 3, 1};
// SGR sequences: faint, plain, bold, yellow, red, white on red.
constexpr std::array<std::string_view, 6> kColours = {"\x1b[2m",  "",         "\x1b[1m",
                                                      "\x1b[33m", "\x1b[31m", "\x1b[41;97m"};
constexpr std::string_view kFaint = "\x1b[2m";
constexpr std::string_view kPlain = "\x1b[0m";

unsigned PriorityOf(Level level) { return kPriorities[static_cast<std::size_t>(level)]; }

void AppendTimestamp(Line& line) {
  std::timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  std::tm utc{};
  ::gmtime_r(&now.tv_sec, &utc);
  fmt::format_to(std::back_inserter(line), "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", utc.tm_year + 1900,
                 utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, now.tv_nsec / 1000);
}

// What programs write to /dev/log: the format of RFC 3164 without the name of the host, in local time.
void AppendSyslogHead(Line& line, unsigned facility, Level level) {
  constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  ::localtime_r(&now, &local);
  fmt::format_to(std::back_inserter(line),
                 "<{}>{} {:>2} {:02}:{:02}:{:02} preforkd[{}]: ", facility * 8 + PriorityOf(level),
                 kMonths[static_cast<std::size_t>(local.tm_mon)], local.tm_mday, local.tm_hour, local.tm_min,
                 local.tm_sec, ::getpid());
}

void AppendEscaped(Line& line, std::string_view text, Escape escape) {
  EscapeRoom room;
  while (!text.empty()) line.append(TakeEscaped(text, escape, room));
}

// Time and level, where nobody else adds them.
void AppendTextHead(Line& line, Sink sink, Level level) {
  const auto out = std::back_inserter(line);
  switch (sink) {
    case Sink::kFile:
      AppendTimestamp(line);
      fmt::format_to(out, " {:<7} ", LevelName(level));
      return;
    case Sink::kTerminal:
      line.append(kFaint);
      AppendTimestamp(line);
      fmt::format_to(out, "{} {}{:<7}{} ", kPlain, kColours[static_cast<std::size_t>(level)],
                     LevelName(level), kPlain);
      return;
    case Sink::kSyslog: fmt::format_to(out, "{}: ", LevelName(level)); return;
    case Sink::kJournal: return;
  }
}

void AppendText(Line& line, Sink sink, const Identity& who, Level level, std::optional<ConnId> conn,
                std::string_view text) {
  const auto out = std::back_inserter(line);
  AppendTextHead(line, sink, level);
  fmt::format_to(out, "{} pid={}", who.role, ::getpid());
  if (who.slot) fmt::format_to(out, " slot={}", Raw(*who.slot));
  if (who.incarnation) fmt::format_to(out, " inc={}", Raw(*who.incarnation));
  if (who.generation) fmt::format_to(out, " gen={}", Raw(*who.generation));
  if (conn) fmt::format_to(out, " conn={}", Raw(*conn));
  fmt::format_to(out, ": ");
  AppendEscaped(line, text, Escape::kText);
}

void AppendJson(Line& line, const Identity& who, Level level, std::optional<ConnId> conn,
                std::string_view text) {
  const auto out = std::back_inserter(line);
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
  fmt::format_to(out, "\"}}");
}

}  // namespace

void AppendLine(Line& line, const Dress& dress, const Identity& who, Level level, std::optional<ConnId> conn,
                std::string_view text) {
  if (dress.sink == Sink::kJournal) fmt::format_to(std::back_inserter(line), "<{}>", PriorityOf(level));
  if (dress.sink == Sink::kSyslog) AppendSyslogHead(line, dress.facility, level);
  if (dress.format == Format::kJson) {
    AppendJson(line, who, level, conn, text);
  } else {
    AppendText(line, dress.sink, who, level, conn, text);
  }
  if (dress.sink != Sink::kSyslog) line.push_back('\n');
}

}  // namespace preforkd::log
