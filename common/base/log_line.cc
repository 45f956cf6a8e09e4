#include "common/base/log_line.h"

#include <unistd.h>

#include <array>
#include <cmath>
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

// The head of a message to /dev/log: the format of RFC 3164 without a host name, in local time.
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

// Time and level, unless the sink adds them.
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

// A line about a worker carries that worker's slot and incarnation instead of the writer's.
Identity About(const Identity& who, const Subject& subject) {
  Identity about = who;
  if (subject.Worker()) about.slot = subject.Worker()->slot;
  if (subject.Worker()) about.incarnation = subject.Worker()->incarnation;
  return about;
}

// True if the value needs no quotes. A colon at its end would look like the end of the head.
bool IsPlain(std::string_view text) {
  constexpr std::string_view kPlainBytes =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+./:@[]";
  return !text.empty() && text.back() != ':' && text.find_first_not_of(kPlainBytes) == std::string_view::npos;
}

void AppendString(Line& line, std::string_view text, bool quoted, Escape escape) {
  if (quoted) line.push_back('"');
  AppendEscaped(line, text, escape);
  if (quoted) line.push_back('"');
}

void AppendValue(Line& line, const Field::Value& value, Format format) {
  if (const auto* text = std::get_if<std::string_view>(&value)) {
    const bool json = format == Format::kJson;
    return AppendString(line, *text, json || !IsPlain(*text), json ? Escape::kJson : Escape::kQuoted);
  }
  const auto out = std::back_inserter(line);
  if (const auto* number = std::get_if<std::int64_t>(&value)) fmt::format_to(out, "{}", *number);
  if (const auto* number = std::get_if<std::uint64_t>(&value)) fmt::format_to(out, "{}", *number);
  // JSON has no infinity and no NaN (RFC 8259, section 6).
  if (const auto* number = std::get_if<double>(&value)) {
    fmt::format_to(out, "{:.6g}", std::isfinite(*number) ? *number : 0);
  }
}

void AppendText(Line& line, Sink sink, const Identity& writer, Level level, const Subject& subject,
                std::string_view text) {
  const Identity who = About(writer, subject);
  const auto out = std::back_inserter(line);
  AppendTextHead(line, sink, level);
  fmt::format_to(out, "{} pid={}", who.role, ::getpid());
  if (who.slot) fmt::format_to(out, " slot={}", Raw(*who.slot));
  if (who.incarnation) fmt::format_to(out, " inc={}", Raw(*who.incarnation));
  if (who.generation) fmt::format_to(out, " gen={}", Raw(*who.generation));
  if (subject.Conn()) fmt::format_to(out, " conn={}", Raw(*subject.Conn()));
  fmt::format_to(out, " event={}", EventName(subject.What()));
  for (const Field& field : subject.Values()) {
    fmt::format_to(out, " {}=", field.name);
    AppendValue(line, field.value, Format::kText);
  }
  fmt::format_to(out, ": ");
  AppendEscaped(line, text, Escape::kText);
}

void AppendJson(Line& line, const Identity& writer, Level level, const Subject& subject,
                std::string_view text) {
  const Identity who = About(writer, subject);
  const auto out = std::back_inserter(line);
  fmt::format_to(out, "{{\"time\":\"");
  AppendTimestamp(line);
  fmt::format_to(out, "\",\"level\":\"{}\",\"role\":\"{}\",\"pid\":{}", LevelName(level), who.role,
                 ::getpid());
  if (who.slot) fmt::format_to(out, ",\"slot\":{}", Raw(*who.slot));
  if (who.incarnation) fmt::format_to(out, ",\"incarnation\":{}", Raw(*who.incarnation));
  if (who.generation) fmt::format_to(out, ",\"generation\":{}", Raw(*who.generation));
  if (subject.Conn()) fmt::format_to(out, ",\"conn\":{}", Raw(*subject.Conn()));
  fmt::format_to(out, ",\"event\":\"{}\"", EventName(subject.What()));
  for (const Field& field : subject.Values()) {
    fmt::format_to(out, ",\"{}\":", field.name);
    AppendValue(line, field.value, Format::kJson);
  }
  fmt::format_to(out, ",\"message\":");
  AppendString(line, text, true, Escape::kJson);
  line.push_back('}');
}

}  // namespace

void AppendLine(Line& line, const LineStyle& style, const Identity& who, Level level, const Subject& subject,
                std::string_view text) {
  if (style.sink == Sink::kJournal) fmt::format_to(std::back_inserter(line), "<{}>", PriorityOf(level));
  if (style.sink == Sink::kSyslog) AppendSyslogHead(line, style.facility, level);
  if (style.format == Format::kJson) {
    AppendJson(line, who, level, subject, text);
  } else {
    AppendText(line, style.sink, who, level, subject, text);
  }
  if (style.sink != Sink::kSyslog) line.push_back('\n');
}

}  // namespace preforkd::log
