#include "common/base/log.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <ctime>
#include <iterator>

namespace preforkd::log {
namespace {

struct State {
  int fd = 2;
  Sink sink = Sink::kFile;
  Level level = Level::kInfo;
  Format format = Format::kText;
  Identity identity;
  std::uint64_t dropped = 0;
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

// Printable text as it is; control bytes as \n, \t or \xNN.
void AppendEscapedText(Line& line, std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f) {
      line.push_back(c);
    } else if (c == '\n') {
      line.append(std::string_view("\\n"));
    } else if (c == '\t') {
      line.append(std::string_view("\\t"));
    } else {
      fmt::format_to(std::back_inserter(line), "\\x{:02x}", byte);
    }
  }
}

// The length of the UTF-8 sequence of more than one byte that `text` begins with; 0: it begins with none
// (RFC 3629, section 4).
std::size_t SequenceLength(std::string_view text) {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  const std::size_t length = lead < 0xc2 || lead > 0xf4 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (length == 0 || length > text.size()) return 0;
  // What is too long for its value, a surrogate, or beyond the last code point shows in the second byte.
  const unsigned low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  const unsigned high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  if (byte(1) < low || byte(1) > high) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if ((byte(i) & 0xc0U) != 0x80U) return 0;
  }
  return length;
}

// Quote, backslash and control bytes escaped; a byte that is no UTF-8 becomes U+FFFD, because a line that
// holds one is no JSON, and a client may send any.
void AppendEscapedJson(Line& line, std::string_view text) {
  while (!text.empty()) {
    const auto byte = static_cast<unsigned char>(text.front());
    std::size_t length = 1;
    if (byte == '"' || byte == '\\') {
      line.push_back('\\');
      line.push_back(text.front());
    } else if (byte < 0x20 || byte == 0x7f) {
      fmt::format_to(std::back_inserter(line), "\\u{:04x}", byte);
    } else if (byte < 0x80) {
      line.push_back(text.front());
    } else if (const std::size_t sequence = SequenceLength(text); sequence > 0) {
      length = sequence;
      line.append(text.substr(0, length));
    } else {
      line.append(std::string_view("\\ufffd"));
    }
    text.remove_prefix(length);
  }
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
  AppendEscapedText(line, text);
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
  AppendEscapedJson(line, text);
  fmt::format_to(out, "\"}}\n");
}

bool WriteOnce(const Line& line) {
  ssize_t written = 0;
  do {
    written = ::write(g_state.fd, line.data(), line.size());
  } while (written < 0 && errno == EINTR);
  // A short write (disk full in the middle) leaves a torn line that a second write would only hide.
  return written == static_cast<ssize_t>(line.size());
}

void Emit(Level level, std::optional<ConnId> conn, std::string_view text) {
  Line line;
  if (g_state.format == Format::kJson) {
    BuildJson(line, level, conn, text);
  } else {
    BuildText(line, level, conn, text);
  }
  if (!WriteOnce(line)) ++g_state.dropped;
}

// Says how many lines were lost, in the first line that can be written again.
void ReportDropped() {
  const std::uint64_t missed = g_state.dropped;
  g_state.dropped = 0;
  Line text;
  fmt::format_to(std::back_inserter(text), "{} log lines could not be written before this one", missed);
  Emit(Level::kWarning, std::nullopt, {text.data(), text.size()});
  if (g_state.dropped != 0) g_state.dropped = missed;
}

}  // namespace

void SetOutput(int fd, Sink sink) {
  g_state.fd = fd;
  g_state.sink = sink;
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
  Emit(level, conn, {text.data(), text.size()});
  errno = saved_errno;
}

}  // namespace preforkd::log
